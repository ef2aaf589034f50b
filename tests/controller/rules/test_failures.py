"""Our own failure rules, against the last words of real trainers; and that the first match decides."""

import pytest

from hubtraining.controller.rules.failures import DEFAULTS, first, matches
from hubtraining.domain.patterns import compiled
from hubtraining.domain.session import FailureRule

WORDS = [
    (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total of 15.77 GiB",
        "cuda-out-of-memory",
    ),
    ("torch.cuda.OutOfMemoryError: CUDA out of memory.", "cuda-out-of-memory"),
    ("RuntimeError: CUDA error: out of memory", "cuda-out-of-memory"),
    ("RuntimeError: CUDA error: uncorrectable ECC error encountered", "gpu-fault"),
    ("NVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus.", "gpu-fault"),
    ("RuntimeError: No CUDA-capable device is detected", "gpu-fault"),
    ("RuntimeError: CUDA error: all CUDA-capable device(s) is/are busy or unavailable", "gpu-fault"),
    ("Failed to initialize NVML: Driver/library version mismatch", "gpu-fault"),
    ("Error 802: system not yet initialized", "gpu-fault"),
    ("WARNING loss is nan, stopping training {}", "nan-loss"),
    ("Loss NaN/Inf detected. Recovering from last.pt", "nan-loss"),
    ("RuntimeError: Training failed: NaN persisted for 3 epochs", "nan-loss"),
    ("step 12: loss: inf", "nan-loss"),
    ("FileNotFoundError: Dataset 'signs.yaml' not found", "missing-data-set"),
    ("Dataset '/data/signs.yaml' images not found, missing path '/data/images/val'", "missing-data-set"),
    ("FileNotFoundError: 'signs.yaml' does not exist", "missing-data-set"),
    ("RuntimeError: No valid images found in /data/labels.cache", "missing-data-set"),
    ("fetch: the data set cannot be unpacked: not a whole zip file: File is not a zip file", "unusable-input"),
    ("fetch: the data set needs one yaml file that describes it at its top; it has none", "unusable-input"),
    ("fetch: download: the link gives a web page, not a file", "unusable-input"),
    ("fetch: download: the file is no whole zip archive (BadZipFile)", "unusable-input"),
    ("fetch: download: the archive's member 'archive/data.pkl' is damaged", "unusable-input"),
    ('runc create failed: unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file', "no-shell"),
    ("executable file `/bin/sh` not found: No such file or directory: OCI runtime attempted to invoke", "no-shell"),
    ('sh: 1: exec: "/bin/shell": not found', ""),
    ("fetch: the workspace has 1000 bytes free; the data set unpacks to 2000", ""),
    ("fetch: download: the hub answered 503", ""),
    (
        "  Epoch    GPU_mem   box_loss   cls_loss   dfl_loss\n    1/3         0G        nan        nan        nan",
        "",
    ),
    ("Dataset 'coco8.yaml' error HTTPError 503", ""),
    ("ValueError: information about the loss function", ""),
    ("Killed", ""),
    ("", ""),
]


@pytest.mark.parametrize(("words", "rule"), WORDS)
def test_last_words_have_their_rule(words: str, rule: str) -> None:
    found = first((), 1, f'Traceback (most recent call last):\n  File "train.py"\n{words}\n')
    assert (found.name if found else "") == rule


def test_each_of_our_rules_is_met_above_or_by_its_exit_code() -> None:
    by_code = {rule.name for rule in DEFAULTS if rule.on_exit_codes}
    assert {rule.name for rule in DEFAULTS} == {rule for _, rule in WORDS if rule} | by_code


@pytest.mark.parametrize("code", [126, 127])
def test_a_command_that_the_image_has_not_is_no_use_to_try_again(code: int) -> None:
    rule = first((), code, "")
    assert rule is not None
    assert (rule.name, rule.action) == ("no-command", "Fail")


def test_the_users_rules_come_first_and_among_them_the_first_that_matches() -> None:
    mine = FailureRule("mine", "Retry", on_log="memory")
    other = FailureRule("other", "Ignore", on_exit_codes=(1,))
    assert first((other, mine), 1, "CUDA out of memory") is other
    assert first((mine, other), 1, "CUDA out of memory") is mine


def test_a_rule_of_exit_codes_does_not_match_where_there_is_none() -> None:
    assert not matches(FailureRule("mine", "Fail", on_exit_codes=(1,)), None, "")


@pytest.mark.parametrize("rule", [rule for rule in DEFAULTS if rule.on_log])
def test_our_patterns_are_patterns(rule: FailureRule) -> None:
    assert compiled(rule.on_log)

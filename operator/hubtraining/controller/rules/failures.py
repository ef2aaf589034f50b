"""What a failure means: the session's rules, then our own; the first that matches decides."""

from hubtraining.domain.patterns import compiled
from hubtraining.domain.session import FailureRule

DEFAULTS: tuple[FailureRule, ...] = (
    # The same weights and batch need the same memory in the next attempt.
    FailureRule(
        "cuda-out-of-memory",
        "Fail",
        on_log=r"CUDA out of memory|CUDA error: out of memory|torch(\.cuda)?\.OutOfMemoryError",
    ),
    # A GPU, its driver or its place in the node is broken: elsewhere it may work.
    FailureRule(
        "gpu-fault",
        "RetryOnOtherNode",
        on_log=r"uncorrectable ECC|\bXid\b|fallen off the bus|[Nn]o CUDA-capable device|"
        r"device\(s\) is/are busy or unavailable|[Dd]river/library version mismatch|system not yet initialized",
    ),
    # Training that has diverged diverges again.
    FailureRule(
        "nan-loss",
        "Fail",
        on_log=r"(?i)\bloss\b[^\n|]{0,40}\b(nan|inf)\b|\b(nan|inf)\b[^\n|]{0,40}\bloss\b|\bNaN persisted\b",
    ),
    FailureRule(
        "missing-data-set",
        "Fail",
        on_log=r"Dataset '[^']*' (images )?not found|'[^']*\.ya?ml' does not exist|"
        r"No (valid )?(images|labels) found in",
    ),
    # What was brought is not what it should be, and would be the same again.
    FailureRule(
        "unusable-input",
        "Fail",
        on_log=r"(?m)^fetch: (the data set\b|download: the (link gives a web page|file is no whole zip|archive's))",
    ),
    # The image has no /bin/sh, which the launcher needs, in the words of runc and of crun.
    FailureRule(
        "no-shell",
        "Fail",
        on_log=r'unable to start container process: .*exec: "/bin/sh"|executable file .?/bin/sh.? not found',
    ),
    # The image has no such command, or may not run it.
    FailureRule("no-command", "Fail", on_exit_codes=(126, 127)),
)


def first(rules: tuple[FailureRule, ...], exit_code: int | None, log: str) -> FailureRule | None:
    """The first of these rules, then of ours, that matches the trainer's exit code or the end of the log."""
    return next((rule for rule in (*rules, *DEFAULTS) if matches(rule, exit_code, log)), None)


def matches(rule: FailureRule, exit_code: int | None, log: str) -> bool:
    """Whether this is the failure that the rule is about."""
    if rule.on_exit_codes:
        return exit_code in rule.on_exit_codes
    return compiled(rule.on_log).search(log) is not None

"""The termination message: the most important things, in what the kubelet carries for one container."""

import msgspec

from hubtraining.domain.report import Outcome

MAX_BYTES = 1536
"""The kubelet shares 12 KiB among all containers of a pod and cuts each at 4 KiB; this leaves room for log tails."""

MAX_MESSAGE = 300
"""Characters of the sentence that says what went wrong."""


def termination_message(outcome: Outcome) -> str:
    """JSON of at most MAX_BYTES: metrics go first, then the sentence is cut, then the checkpoints but the final."""
    shortened = msgspec.structs.replace(outcome, message=outcome.message[:MAX_MESSAGE])
    for count in range(len(outcome.metrics), -1, -1):
        text = _text(msgspec.structs.replace(shortened, metrics=outcome.metrics[:count]))
        if _fits(text):
            return text
    bare = msgspec.structs.replace(shortened, metrics=(), message=outcome.message[:80], latest=None, best=None)
    return _text(bare)


def _text(outcome: Outcome) -> str:
    return msgspec.json.encode(outcome).decode()


def _fits(text: str) -> bool:
    return len(text.encode()) <= MAX_BYTES

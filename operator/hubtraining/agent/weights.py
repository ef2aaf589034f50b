"""Which checkpoint files a run folder has: Ultralytics' own, or those of the plain contract for any other trainer."""

import re
from itertools import islice
from pathlib import PurePosixPath

import msgspec

from hubtraining.agent.run_folder import Kind, Signature, Workspace

ULTRALYTICS = "weights"
PLAIN = "checkpoints"
KINDS: tuple[Kind, ...] = ("last", "best")
MAX_FILES = 10_000
"""Names in a folder that are looked at."""

_NUMBERED = re.compile(r"epoch-(\d{1,9})\.(pt|pth|ckpt)")


class WeightsFile(msgspec.Struct, frozen=True):
    """A checkpoint file, as it lies there now."""

    name: PurePosixPath
    """Beneath the workspace."""
    signature: Signature
    epoch: int | None = None
    """By its name, counted from 1."""

    @property
    def plain(self) -> bool:
        """Not of Ultralytics: what the file says inside of epochs is the trainer's own affair."""
        return self.name.parent.name == PLAIN


def find(workspace: Workspace, run: PurePosixPath, kind: Kind) -> WeightsFile | None:
    """The newest of a kind. Raises OSError, Unsafe among them, where that cannot be told."""
    plain = _at(workspace, run / PLAIN / f"{kind}.pt")
    if plain is None and kind == "last":
        plain = _numbered(workspace, run / PLAIN)
    return plain or _at(workspace, run / ULTRALYTICS / f"{kind}.pt")


def _numbered(workspace: Workspace, folder: PurePosixPath) -> WeightsFile | None:
    """The one with the highest number in its name."""
    names = islice(workspace.names(folder), MAX_FILES)
    numbered = {int(match[1]): name for name in names if (match := _NUMBERED.fullmatch(name)) and int(match[1]) > 0}
    if not numbered:
        return None
    epoch = max(numbered)
    return _at(workspace, folder / numbered[epoch], epoch)


def _at(workspace: Workspace, name: PurePosixPath, epoch: int | None = None) -> WeightsFile | None:
    signature = workspace.signature(name)
    return None if signature is None else WeightsFile(name, signature, epoch)

"""What ``fetch`` left word of, as the agent reads it."""

import logging
from pathlib import PurePosixPath

import msgspec

from hubtraining.agent.run_folder import Workspace
from hubtraining.domain.layout import Begun

log = logging.getLogger("hubtraining.agent")

MAX_BYTES = 65_536


def begun(workspace: Workspace, name: PurePosixPath) -> Begun | None:
    """What the attempt began from; None until it has begun. What a trainer has made unreadable counts as afresh."""
    try:
        with workspace.open(name) as file:
            return msgspec.json.decode(file.read(MAX_BYTES), type=Begun)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("what the attempt began from cannot be read, so it counts as begun afresh: %s", error)
        return Begun()

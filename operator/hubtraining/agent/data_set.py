"""Unpack a data set's zip: nothing leaves its folder, nothing is larger than the disk, nothing is half there."""

import json
import re
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from hubtraining.agent.archives import PIECE, NotIntact, opened_zip

MAX_DIRECTORY = 64 * 2**20
"""Bytes of the zip's central directory: some 600,000 files."""
MAX_FILES = 1_000_000
IGNORED = frozenset({"__MACOSX", ".DS_Store"})
"""What archivers of one system leave behind."""

_PATH_KEY = re.compile(r"""(path|"path"|'path')\s*:(\s|$)""")


class BadDataSet(Exception):
    """The zip cannot be used; the text says why in one sentence."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack into ``folder``, which appears whole or not at all. Blocks. Raises BadDataSet or OSError."""
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with archive.open("rb") as file, opened_zip(file, MAX_DIRECTORY) as members:
            wanted = [
                member for member in members.infolist() if not IGNORED & set(PurePosixPath(member.filename).parts)
            ]
            _refuse_bombs(wanted, shutil.disk_usage(folder.parent).free)
            for member in wanted:
                _unpack_one(members, member, part)
    except (NotIntact, FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise BadDataSet(f"the data set cannot be unpacked: {error}") from None
    part.replace(folder)


def _refuse_bombs(members: list[zipfile.ZipInfo], free: int) -> None:
    size = sum(member.file_size for member in members)
    if not members or len(members) > MAX_FILES:
        raise BadDataSet(f"the data set holds {len(members)} files; 1 to {MAX_FILES} are allowed")
    if size > free:
        raise BadDataSet(f"the workspace has {free} bytes free; the data set unpacks to {size}")


def _unpack_one(archive: zipfile.ZipFile, member: zipfile.ZipInfo, root: Path) -> None:
    path = root / safe_name(member)
    if member.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, PIECE)


def safe_name(member: zipfile.ZipInfo) -> PurePosixPath:
    """Where a member goes beneath its folder; raises BadDataSet for one that leads elsewhere or is no plain file."""
    name = PurePosixPath(member.filename.replace("\\", "/"))
    kind = stat.S_IFMT(member.external_attr >> 16)
    if name.is_absolute() or ".." in name.parts or not name.parts or ":" in name.parts[0]:
        raise BadDataSet(f"the data set's member {member.filename!r} leads out of its folder")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadDataSet(f"the data set's member {member.filename!r} is a link or a device; files are allowed")
    return name


def find_yaml(folder: Path) -> Path:
    """The yaml that describes a data set: the one nearest to the top. Raises BadDataSet where there is not just one."""
    found = sorted(path for ending in ("*.yaml", "*.yml") for path in folder.rglob(ending))
    depth = min((len(path.parts) for path in found), default=0)
    top = [path for path in found if len(path.parts) == depth]
    if len(top) != 1:
        names = ", ".join(path.name for path in top) or "none"
        raise BadDataSet(f"the data set needs one yaml file that describes it at its top; it has {names}")
    return top[0]


def with_path(text: str, root: Path) -> str:
    """The yaml's text with its top-level ``path`` replaced, or set first where it has none.

    A line rule: a key at column 0 and the indented lines that belong to it. Raises BadDataSet for ``{…}`` style.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if any(line.startswith("{") for line in lines):
        raise BadDataSet("the data set's yaml is written in {…} style; one key a line is needed")
    kept = [line for line in lines if line.strip() != "---" and not line.startswith("%")]
    return "\n".join([f"path: {json.dumps(str(root))}", *_without_path(kept), ""])


def _without_path(lines: list[str]) -> list[str]:
    kept: list[str] = []
    inside = False
    for line in lines:
        inside = bool(_PATH_KEY.match(line)) or (inside and (not line.strip() or line[0] in " \t"))
        if not inside:
            kept.append(line)
    return kept

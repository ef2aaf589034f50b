"""Folders that a database can trust."""

from pathlib import Path, PurePosixPath

import pytest

from hubtraining.hub.store.filesystem import UnsuitableFolder, check, file_system, only_server, prepare

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:5 / /proc rw - proc proc rw
40 22 0:44 / /data rw,relatime shared:2 - nfs4 server:/export rw,vers=4.2
41 40 0:45 / /data/fast rw - xfs /dev/sdb rw
42 22 0:46 / /with\\040space rw - nfs server:/x rw
43 22 0:47 / /top rw - nfs server:/x rw
44 43 0:48 / /top rw - ext4 /dev/sdc rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib", "ext4"),
        ("/data", "nfs4"),
        ("/data/hub", "nfs4"),
        ("/database", "ext4"),
        ("/data/fast/hub", "xfs"),
        ("/with space/hub", "nfs"),
        ("/top/hub", "ext4"),
    ],
)
def test_the_nearest_mount_counts(folder: str, kind: str) -> None:
    assert file_system(PurePosixPath(folder), MOUNTS.splitlines()) == kind


def on(folder: Path, kind: str) -> Path:
    """Mounts by which ``folder`` lies on a file system of this kind."""
    mounts = folder / "mountinfo"
    mounts.write_text(f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {folder} rw - {kind} server:/x rw\n")
    return mounts


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "9p", "lustre", "fuse.s3fs", "fuse.mount-s3", "fuse.glusterfs"]
)
def test_a_network_file_system_is_refused_with_the_remedy(tmp_path: Path, kind: str) -> None:
    with pytest.raises(UnsuitableFolder, match=f"is on {kind}: use a local or block file system"):
        check(tmp_path, on(tmp_path, kind))


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs", "fuse.fuse-overlayfs", "fuseblk"])
def test_a_local_file_system_is_taken(tmp_path: Path, kind: str) -> None:
    check(tmp_path, on(tmp_path, kind))


def test_where_mounts_cannot_be_read_the_folder_is_taken(tmp_path: Path) -> None:
    check(tmp_path, tmp_path / "missing")


def test_the_folder_of_this_test_is_suitable(tmp_path: Path) -> None:
    prepare(tmp_path / "new" / "folder")
    assert (tmp_path / "new" / "folder").stat().st_mode & 0o777 == 0o700


def test_a_folder_has_one_server(tmp_path: Path) -> None:
    with only_server(tmp_path), pytest.raises(UnsuitableFolder, match="already serves"), only_server(tmp_path):
        raise AssertionError
    with only_server(tmp_path):
        assert (tmp_path / "lock").exists()

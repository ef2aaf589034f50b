"""Container images made of one static program, and the import of any image."""

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from cluster.errors import ClusterError

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
CTR = ("ctr", "--namespace=k8s.io")


def write_image(target: Path, name: str, program: Path) -> None:
    """Write an archive, in the format of `docker save`, of an image with nothing but a program."""
    layer = _tar({program.name: (program.read_bytes(), 0o755)})
    config = json.dumps(
        {
            "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"Entrypoint": [f"/{program.name}"], "User": "65532:65532"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        }
    ).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    files = {"config.json": config, "layer.tar": layer, "manifest.json": manifest}
    target.write_bytes(_tar({file: (content, 0o644) for file, content in files.items()}))


def _tar(files: dict[str, tuple[bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, (content, mode) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def load(enter: Sequence[str], file: Path) -> None:
    """Bring an image archive to the node's containerd; pods find it with `imagePullPolicy: IfNotPresent`."""
    if not file.is_file():
        raise ClusterError(f"there is no image archive {file}")
    command = [*enter, *CTR, "images", "import", str(file.absolute())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"containerd does not take {file}: {done.stderr.strip()[-800:]}")

"""One certificate authority for each cluster, and everyone's certificate from it."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError
from cluster.paths import write

DAYS = "365"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
CONFIG = "[req]\ndistinguished_name = name\n[name]\n"  # the distribution's own would add extensions of its choice


@dataclass(frozen=True)
class Subject:
    """Who a certificate is for: its file name, what it says, and where it may serve."""

    file: str
    name: str
    group: str = ""
    hosts: tuple[str, ...] = ()

    @property
    def distinguished(self) -> str:
        return f"/O={self.group}/CN={self.name}" if self.group else f"/CN={self.name}"

    @property
    def alternatives(self) -> str:
        return ",".join(f"{'IP' if host[0].isdigit() else 'DNS'}:{host}" for host in self.hosts)

    @property
    def extensions(self) -> tuple[str, ...]:
        usage = "clientAuth,serverAuth" if self.hosts else "clientAuth"
        names = (f"subjectAltName={self.alternatives}",) if self.hosts else ()
        fixed = ("basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature,keyEncipherment")
        return (*fixed, f"extendedKeyUsage={usage}", *names)


def issue(folder: Path, subjects: Sequence[Subject]) -> None:
    """Make the authority, the key that signs service accounts' tokens, and the certificates; keep those there are."""
    write(folder / "openssl.cnf", CONFIG)
    if not (folder / "ca.crt").exists():
        _authority(folder)
    if not (folder / "sa.pub").exists():
        _token_key(folder)
    for subject in subjects:
        if not (folder / f"{subject.file}.crt").exists():
            _leaf(folder, subject)


def _authority(folder: Path) -> None:
    usage = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,digitalSignature,keyCertSign,cRLSign")
    _request(folder, "ca", "/CN=hubtraining-local-cluster", usage)


def _leaf(folder: Path, subject: Subject) -> None:
    _request(folder, subject.file, subject.distinguished, subject.extensions, "-CA", "ca.crt", "-CAkey", "ca.key")


def _request(folder: Path, file: str, name: str, extensions: Sequence[str], *signer: str) -> None:
    added = [word for extension in extensions for word in ("-addext", extension)]
    names = ("-subj", name, "-days", DAYS, "-keyout", f"{file}.key", "-out", f".{file}.draft")
    _openssl(folder, "req", "-x509", "-config", "openssl.cnf", *KEY, *signer, *names, *added)
    (folder / f".{file}.draft").replace(folder / f"{file}.crt")  # last: a killed run leaves no certificate without key


def _token_key(folder: Path) -> None:
    _openssl(folder, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "sa.key")
    _openssl(folder, "pkey", "-in", "sa.key", "-pubout", "-out", ".sa.draft")
    (folder / ".sa.draft").replace(folder / "sa.pub")


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"openssl {arguments[0]} failed (version 3 is needed): {done.stderr.strip()[-800:]}")

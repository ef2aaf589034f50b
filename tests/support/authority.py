"""A certificate authority of one test, which signs for itself."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Authority:
    """``pem`` is what others need to trust it."""

    folder: Path

    @property
    def pem(self) -> str:
        return (self.folder / "ca.pem").read_text()

    def serving(self) -> ssl.SSLContext:
        """What a server needs to be trusted."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "ca.pem", self.folder / "ca.key")
        return context


def an_authority(folder: Path, address: str) -> Authority:
    """With a certificate for this address."""
    folder.mkdir(parents=True)
    extensions = {
        "subjectAltName": f"IP:{address}",
        "basicConstraints": "critical,CA:TRUE",
        "keyUsage": "critical,digitalSignature,keyCertSign",
    }
    added = [word for name, value in extensions.items() for word in ("-addext", f"{name}={value}")]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key"]
    command = ["openssl", "req", "-x509", "-days", "2", "-subj", "/CN=a test", "-out", "ca.pem", *key, *added]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return Authority(folder)

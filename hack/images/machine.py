"""What a base must know of this machine to reach the same packages: its trust and its way through proxies."""

import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

from images.shell import ImagesError, output, run, say

# Beside the bundle that Debian's ca-certificates writes anew when it is installed.
TRUST = "etc/machine-trust.crt"
BUNDLE_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
APT_OPTIONS = ("Acquire::http::Proxy", "Acquire::https::Proxy", "Acquire::Check-", "Acquire::Retries")


def settings(environ: Mapping[str, str]) -> dict[str, bytes]:
    """Files to lay over a base, by their path in it."""
    files = {"etc/apt/apt.conf.d/machine": apt_options().encode()}
    if bundle := next(bundles(environ), None):
        files[TRUST] = bundle.read_bytes()
        files["etc/pip.conf"] = f"[global]\ncert = /{TRUST}\n".encode()
    return files


def bundles(environ: Mapping[str, str]) -> Iterator[Path]:
    """The certificate bundles that this machine has, the one that pip would take first."""
    named = [environ[name] for name in BUNDLE_VARIABLES if environ.get(name)]
    default = ssl.get_default_verify_paths().cafile
    yield from (path for each in [*named, default] if each and (path := Path(each)).is_file())


def apt_options() -> str:
    """What apt was told here about proxies and about clocks that are wrong."""
    lines = (output("apt-config", "dump") or "").splitlines(keepends=True)
    return "".join(line for line in lines if line.startswith(APT_OPTIONS))


def install(packages: tuple[str, ...]) -> None:
    """Install Debian packages; raise ImagesError where that is impossible."""
    if os.geteuid() != 0 or output("apt-get", "--version") is None:
        raise ImagesError(
            f"no docker and no podman answers here, and {' and '.join(packages)} can be installed only "
            "by root on Debian or Ubuntu: start an engine, or run this as root"
        )
    say(f"Installing {', '.join(packages)} from the distribution, because no docker and no podman answers here")
    apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=600", "-qq")
    run(*apt, "update")
    run(*apt, "install", "--yes", "--no-install-recommends", *packages)

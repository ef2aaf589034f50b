"""Who gets which certificate."""

import subprocess
from pathlib import Path

import pytest

from cluster.certificates import Subject, issue
from cluster.errors import ClusterError

SERVER = Subject("apiserver", "kube-apiserver", hosts=("kubernetes.default.svc", "10.189.1.1"))
CLIENT = Subject("admin", "hubtraining-admin", "system:masters")


def openssl(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    issue(folder, [SERVER, CLIENT])
    return folder


def test_every_certificate_is_from_the_clusters_authority(pki: Path) -> None:
    for file in ("apiserver.crt", "admin.crt"):
        assert "OK" in openssl("verify", "-x509_strict", "-CAfile", str(pki / "ca.crt"), str(pki / file))


def test_a_server_is_known_by_its_names_and_addresses(pki: Path) -> None:
    text = openssl("x509", "-in", str(pki / "apiserver.crt"), "-noout", "-text")
    assert "DNS:kubernetes.default.svc, IP Address:10.189.1.1" in text
    assert "TLS Web Server Authentication" in text


def test_a_client_may_not_serve(pki: Path) -> None:
    text = openssl("x509", "-in", str(pki / "admin.crt"), "-noout", "-text")
    assert "O = system:masters, CN = hubtraining-admin" in text
    assert "TLS Web Server Authentication" not in text


def test_keys_are_for_their_owner_alone(pki: Path) -> None:
    for key in pki.glob("*.key"):
        assert key.stat().st_mode & 0o077 == 0, key


def test_certificates_that_are_there_are_kept(pki: Path) -> None:
    before = (pki / "ca.crt").read_bytes(), (pki / "admin.crt").read_bytes()
    issue(pki, [SERVER, CLIENT])
    assert ((pki / "ca.crt").read_bytes(), (pki / "admin.crt").read_bytes()) == before


def test_openssls_own_words_are_passed_on(tmp_path: Path) -> None:
    issue(tmp_path, [])
    with pytest.raises(ClusterError, match="openssl req failed"):
        issue(tmp_path, [Subject("broken", "broken", hosts=("999.1.1.1",))])

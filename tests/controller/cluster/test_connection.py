"""How the API server is found."""

import asyncio
import json
import os
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio.config import incluster_config
from support.recorded_api import RecordedApi, failure

from hubtraining.controller.cluster import connection
from hubtraining.controller.cluster.connection import NoCluster

SECRET = "canary-token"


def kubeconfig(path: Path, user: dict[str, Any] | None = None, namespace: str = "") -> str:
    context = {"cluster": "c", "user": "u", **({"namespace": namespace} if namespace else {})}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "usual",
        "clusters": [{"name": "c", "cluster": {"server": "http://api.example:1"}}],
        "users": [{"name": "u", "user": user or {"token": SECRET}}],
        "contexts": [
            {"name": "usual", "context": context},
            {"name": "other", "context": {"cluster": "c", "user": "u", "namespace": "elsewhere"}},
        ],
    }
    path.write_text(json.dumps(config))
    return str(path)


async def test_the_current_context_and_its_namespace_are_used(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", namespace="team-a")
    configuration, namespace = await connection.from_kubeconfig(file, "")
    assert (configuration.host, namespace) == ("http://api.example:1", "team-a")
    assert await configuration.get_api_key_with_prefix("BearerToken") == f"Bearer {SECRET}"


async def test_another_context_can_be_chosen_and_default_is_the_last_resort(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config")
    assert (await connection.from_kubeconfig(file, "other"))[1] == "elsewhere"
    assert (await connection.from_kubeconfig(file, ""))[1] == "default"


async def test_several_files_are_one_as_for_kubectl(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "config", namespace="team-a")
    assert (await connection.from_kubeconfig(f"{tmp_path}/none:{file}", ""))[1] == "team-a"


def test_a_file_may_come_from_a_shell(tmp_path: Path) -> None:
    """As in ``--kubeconfig <(…)``."""
    pipe, file = tmp_path / "pipe", kubeconfig(tmp_path / "config", namespace="team-a")
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"cat {file} >{pipe}"]):
        configuration, namespace = asyncio.run(connection.from_kubeconfig(str(pipe), ""))
    assert (configuration.host, namespace) == ("http://api.example:1", "team-a")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"token: {SECRET}\n  a: [", "cannot be read: "),
        (f"- {SECRET}", "cannot be "),
        ("", "cannot be "),
        ("current-context: x", "cannot be used: "),
        ('{"current-context": "x", "contexts": [{"name": "y"}], "clusters": [], "users": []}', "name x in"),
    ],
)
async def test_a_file_that_cannot_be_used_is_told_without_what_it_holds(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    with pytest.raises(NoCluster, match=words) as told:
        await connection.from_kubeconfig(str(file), "")
    assert SECRET not in str(told.value)


async def test_without_a_file_there_is_no_cluster(tmp_path: Path) -> None:
    with pytest.raises(NoCluster, match="there is no kubeconfig /nonexistent"):
        await connection.load({"KUBECONFIG": "/nonexistent"}, 3)


async def test_the_controller_takes_the_kubeconfig_outside_of_a_cluster(tmp_path: Path) -> None:
    configuration = await connection.load({"KUBECONFIG": kubeconfig(tmp_path / "config")}, 3)
    assert (configuration.host, configuration.connection_pool_maxsize) == ("http://api.example:1", 3)


async def test_in_a_cluster_a_missing_service_account_is_told() -> None:
    with pytest.raises(NoCluster, match="no service account can be used"):
        await connection.load({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}, 3)


@pytest.mark.parametrize(("seconds", "tokens"), [(3600, ["t1", "t1"]), (60, ["t2", "t3"])])
async def test_a_token_of_a_log_in_program_is_renewed_when_it_ends_soon(
    tmp_path: Path, seconds: int, tokens: list[str]
) -> None:
    program, count = tmp_path / "login", tmp_path / "count"
    expiry = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = '{\\"token\\": \\"t%s\\", \\"expirationTimestamp\\": \\"' + expiry + '\\"}'
    answer = f'{{\\"apiVersion\\": \\"c/v1\\", \\"kind\\": \\"ExecCredential\\", \\"status\\": {status}}}'
    program.write_text(f'#!/bin/sh\necho x >>{count}\nprintf "{answer}" $(wc -l <{count})\n')
    program.chmod(stat.S_IRWXU)
    user = {"exec": {"apiVersion": "c/v1", "command": str(program)}}
    configuration, _ = await connection.from_kubeconfig(kubeconfig(tmp_path / "config", user), "")
    assert [await configuration.get_api_key_with_prefix("BearerToken") for _ in tokens] == [
        f"Bearer {t}" for t in tokens
    ]


async def test_in_a_pod_its_service_account_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token, certificate = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("pod-token")
    certificate.write_text("-----BEGIN CERTIFICATE-----")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))  # where a test cannot write
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(certificate))
    place = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    configuration = await connection.load(place, 7)
    assert (configuration.host, configuration.connection_pool_maxsize) == ("https://10.0.0.1:443", 7)
    assert configuration.ssl_ca_cert == str(certificate)
    assert await configuration.get_api_key_with_prefix("BearerToken") == "bearer pod-token"


async def test_a_watchs_own_connections_send_the_token_as_it_is_now(tmp_path: Path) -> None:
    api = RecordedApi().on("/version", failure(403))
    configuration = await connection.load({"KUBECONFIG": kubeconfig(tmp_path / "config")}, 1)
    async with api.served() as url, connection.http_session(configuration, 2) as http:
        (await http.get(f"{url}/version")).close()
        configuration.api_key["BearerToken"] = "Bearer renewed"
        (await http.get(f"{url}/version")).close()
    assert [request.headers["authorization"] for request in api.asked] == [f"Bearer {SECRET}", "Bearer renewed"]

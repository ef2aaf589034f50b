"""The client of the API server that the hub runs beside."""

import ssl
from pathlib import Path

import httpx
import pytest

from hubtraining.hub.server.cluster import AccountToken, NoCluster, in_cluster_api


async def test_the_token_is_read_again_for_each_call(tmp_path: Path) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["authorization"])
        return httpx.Response(200)

    file = tmp_path / "token"
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), auth=AccountToken(file)) as client:
        for text in ("first\n", "second"):
            file.write_text(text)
            await client.get("https://api.test/")
    assert seen == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize(
    ("host", "root"), [("10.0.0.1", "https://10.0.0.1:6443"), ("fd00::1", "https://[fd00::1]:6443")]
)
async def test_the_environment_says_where_the_api_server_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, root: str
) -> None:
    monkeypatch.setattr(ssl, "create_default_context", lambda cafile: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "6443"}
    async with in_cluster_api(environ, tmp_path) as client:
        assert str(client.base_url) == root


def test_outside_a_cluster_one_sentence_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoCluster, match="KUBERNETES_SERVICE_HOST"):
        in_cluster_api({}, tmp_path)

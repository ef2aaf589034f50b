"""The part of a kubelet that serves logs: the API server asks it, over TLS, as it asks a real one."""

import asyncio
import socket
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

POLL_SECONDS = 0.05


@dataclass
class Log:
    """What a container has written so far."""

    lines: list[str] = field(default_factory=list)
    ended: bool = False
    cut: int = 0
    """Raised by one, every stream that is open is cut off."""

    def write(self, *texts: str) -> None:
        """Append lines, stamped as the kubelet stamps them."""
        for text in texts:
            now = datetime.now(UTC)
            self.lines.append(f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond:06}{len(self.lines) % 1000:03}Z {text}\n")


class KubeletLogs:
    """Logs by pod and container."""

    def __init__(self) -> None:
        self.port = 0
        self.logs: dict[tuple[str, str], Log] = {}

    def of(self, pod: str, container: str) -> Log:
        """The log of one container; it begins empty."""
        return self.logs.setdefault((pod, container), Log())

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/containerLogs/{namespace}/{pod}/{container}", self._serve)])

    async def _serve(self, request: Request) -> Response:
        log = self.logs.get((request.path_params["pod"], request.path_params["container"]))
        if log is None:
            return PlainTextResponse("container is waiting to start", 400)
        query = request.query_params
        lines = [line for line in log.lines if line >= query.get("sinceTime", "")[:19]]  # since the whole second
        if "tailLines" in query:
            lines = lines[len(lines) - int(query["tailLines"]) :]
        if query.get("follow") != "true":
            return PlainTextResponse("".join(lines))
        return StreamingResponse(_follow(log, lines), media_type="text/plain")


async def _follow(log: Log, told: list[str]) -> AsyncIterator[str]:
    count, cut = len(log.lines), log.cut
    yield "".join(told)
    while cut == log.cut and not (log.ended and count == len(log.lines)):
        new, count = log.lines[count:], len(log.lines)
        if new:
            yield "".join(new)
        await asyncio.sleep(POLL_SECONDS)


@contextmanager
def kubelet_logs(folder: Path) -> Iterator[KubeletLogs]:
    """Serve in a thread of its own."""
    made = KubeletLogs()
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=kubelet", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"]
    subprocess.run([*request, *names, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made.port = listener.getsockname()[1]
        config = uvicorn.Config(
            made.app(), ssl_keyfile=key, ssl_certfile=certificate, log_level="warning", lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=asyncio.run, args=(server.serve([listener]),))
        thread.start()
        try:
            yield made
        finally:
            server.should_exit = server.force_exit = True
            thread.join()

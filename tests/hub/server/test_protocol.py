"""Connections that do not behave: raw bytes to a hub on a real socket."""

import json
import socket
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from builders.hub import a_checkpoint, a_creation
from builders.hub_process import HubProcess, a_hub_process, create_key

from hubtraining.hub import wire

SECONDS = 1


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub without patience."""
    with a_hub_process(tmp_path_factory.mktemp("hub"), {"HUBTRAINING_HUB_BODY_SECONDS": str(SECONDS)}) as hub:
        yield hub


@pytest.fixture(scope="module")
def key(hub: HubProcess) -> str:
    return create_key(hub.folder)


@pytest.fixture
def model(hub: HubProcess, key: str) -> str:
    answer = httpx.post(hub.url + wire.MODELS, json=a_creation(), headers={wire.HEADER_KEY: key})
    return str(answer.json()["data"]["id"])


def connect(hub: HubProcess) -> socket.socket:
    return socket.create_connection(("127.0.0.1", hub.port), timeout=30)


def answer(connection: socket.socket) -> tuple[int, bytes]:
    """Status and body of the next answer; 0 where the hub closes instead."""
    with connection.makefile("rb") as file:
        status, headers = file.readline().split(), {}
        while (line := file.readline().strip()) != b"":
            name, _, value = line.partition(b": ")
            headers[name.lower()] = value
        return (int(status[1]), file.read(int(headers[b"content-length"]))) if status else (0, b"")


def refusal(connection: socket.socket) -> tuple[int, str]:
    """Status and message of an answer that is no success."""
    status, body = answer(connection)
    said = json.loads(body)
    assert said["success"] is False
    return status, said["message"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
        b"GET /v1 HTTP/9.9\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST /v1/models HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n",
        b"POST /v1/models HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_in_the_envelope(hub: HubProcess, garbage: bytes) -> None:
    with connect(hub) as connection:
        connection.sendall(garbage)
        status, message = refusal(connection)
    assert 400 <= status < 500
    assert "Traceback" not in message


def test_a_head_that_does_not_end_is_given_up(hub: HubProcess) -> None:
    with connect(hub) as connection:
        connection.sendall(b"POST /v1/models HTTP/1.1\r\nhost: a\r\n")
        begun = time.monotonic()
        status, message = refusal(connection)
        waited = time.monotonic() - begun
    assert (status, waited >= SECONDS * 0.9) == (408, True)
    assert "1 s" in message


def test_a_client_that_says_nothing_is_left(hub: HubProcess) -> None:
    with connect(hub) as connection:
        assert answer(connection) == (0, b"")


def test_a_head_that_dribbles_is_given_up_however_often_a_byte_comes(hub: HubProcess) -> None:
    with connect(hub) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: a\r\n")
        assert dribbled(connection, [b"x: y\r\n"] * 200) < 200


def dribbled(connection: socket.socket, pieces: list[bytes]) -> int:
    """How many pieces could be sent, slowly, until the hub would have no more."""
    for number, piece in enumerate(pieces):
        try:
            connection.sendall(piece)
        except OSError:
            return number
        time.sleep(0.1)
    return len(pieces)


def test_a_connection_is_kept_between_requests_that_take_their_time(hub: HubProcess) -> None:
    with connect(hub) as connection:
        for _ in range(2):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
            assert answer(connection)[0] == 200
            time.sleep(SECONDS * 2)


def head(path: str, key: str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "host: hub", f"{wire.HEADER_KEY}: {key}", *lines, "", ""]).encode()


def test_a_body_that_stops_is_given_up(hub: HubProcess, key: str, model: str) -> None:
    with connect(hub) as connection:
        connection.sendall(head(wire.model(model), key, "content-length: 100") + b'{"metrics":')
        status, message = refusal(connection)
    assert status == 408
    assert "go on arriving" in message


def multipart(model: str, key: str) -> tuple[bytes, bytes]:
    """Head and body of a good upload."""
    content = a_checkpoint(200_000)
    fields = b'--x\r\nContent-Disposition: form-data; name="epoch"\r\n\r\n1\r\n'
    file = b'--x\r\nContent-Disposition: form-data; name="last.pt"; filename="last.pt"\r\n\r\n'
    body = fields + file + content + b"\r\n--x--\r\n"
    kind = "content-type: multipart/form-data; boundary=x"
    return head(wire.upload(model), key, kind, f"content-length: {len(body)}"), body


def leave(connection: socket.socket) -> None:
    connection.close()


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def stay_silent(connection: socket.socket) -> None:
    assert refusal(connection)[0] == 408


@pytest.mark.parametrize("end", [leave, reset, stay_silent])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_half_sent_upload_leaves_nothing(
    hub: HubProcess, key: str, model: str, share: float, end: Callable[[socket.socket], None]
) -> None:
    begin, body = multipart(model, key)
    with connect(hub) as connection:
        connection.sendall(begin + body[: int(len(body) * share)])
        end(connection)
    deadline = time.monotonic() + 30
    while list((hub.folder / "incoming").iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    headers = {wire.HEADER_KEY: key}
    assert list((hub.folder / "incoming").iterdir()) == []
    assert httpx.get(hub.url + wire.checkpoints(model), headers=headers).json()["data"] == []
    assert httpx.get(hub.url + wire.model(model), headers=headers).json()["data"]["has_last_weights"] is False


def test_the_rest_of_a_refused_body_does_not_hold_the_connection(hub: HubProcess, model: str) -> None:
    begin, body = multipart(model, "x" * 42)
    with connect(hub) as connection:
        connection.sendall(begin)
        assert refusal(connection)[0] == 401
        assert dribbled(connection, [body[place : place + 1] for place in range(200)]) < 200


def test_a_whole_upload_sent_by_hand_is_taken(hub: HubProcess, key: str, model: str) -> None:
    begin, body = multipart(model, key)
    with connect(hub) as connection:
        connection.sendall(begin + body)
        assert answer(connection)[0] == 200

import gzip
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from builders.checkpoints import a_checkpoint, digest, tear
from builders.recorded_hub import RecordedHub, ok, page, refused
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubtraining.hub.downloads import download
from hubtraining.hub.errors import HubError, HubNotFound, HubProtocolError, HubUnavailable

SIGNED = "http://files.test/a/last.pt?signature=s3cr3t"
PATH = "/a/last.pt"


async def bring(hub: RecordedHub, path: Path, link: str = SIGNED, **options: object) -> Path:
    async with httpx.AsyncClient(transport=httpx.MockTransport(hub)) as http:
        return (await download(http, link, path, **options)).path


def a_hub(content: bytes, **headers: str) -> RecordedHub:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return RecordedHub().on("GET", PATH, httpx.Response(200, content=content, headers=named))


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return a_checkpoint(tmp_path / "source" / "last.pt", size=600_000).read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


async def test_a_file_arrives_whole_under_its_name_alone(content: bytes, folder: Path) -> None:
    path = await bring(a_hub(content), folder / "last.pt")

    assert path.read_bytes() == content
    assert names_in(folder) == ["last.pt"]


async def test_size_and_hash_are_told(content: bytes, folder: Path) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(a_hub(content))) as http:
        got = await download(http, SIGNED, folder / "last.pt")

    assert (got.size, got.sha256) == (len(content), digest(got.path))


async def test_no_credential_goes_to_a_link_that_has_its_own(content: bytes, folder: Path) -> None:
    hub = a_hub(content)

    await bring(hub, folder / "last.pt")

    assert not {"x-api-key", "authorization", "cookie"} & set(hub.asked[0].headers)


async def test_a_file_that_was_there_is_replaced(content: bytes, folder: Path) -> None:
    (folder / "last.pt").write_bytes(b"older")

    await bring(a_hub(content), folder / "last.pt")

    assert (folder / "last.pt").read_bytes() == content


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (page(), HubProtocolError, "a web page"),
        (page(404), HubNotFound, "404"),
        (page(502), HubUnavailable, "502"),
        (refused(403), HubError, "403"),
        (httpx.Response(200, content=b""), HubUnavailable, "0 of at least 1 bytes"),
        (httpx.Response(200, content=b"no archive at all"), HubProtocolError, "no whole zip"),
        (ok(), HubProtocolError, "no whole zip"),
        (httpx.ReadError("reset"), HubUnavailable, "failed"),
        (httpx.ConnectTimeout("late"), HubUnavailable, "in time"),
    ],
)
async def test_what_is_no_file_leaves_nothing(
    folder: Path, reply: httpx.Response | Exception, kind: type[HubError], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        await bring(RecordedHub().on("GET", PATH, reply), folder / "last.pt")
    assert names_in(folder) == []
    assert "s3cr3t" not in str(caught.value)


async def test_a_failure_keeps_what_was_there_before(folder: Path) -> None:
    (folder / "last.pt").write_bytes(b"older")

    with pytest.raises(HubProtocolError):
        await bring(RecordedHub().on("GET", PATH, page()), folder / "last.pt")
    assert (folder / "last.pt").read_bytes() == b"older"


async def test_a_torn_archive_is_refused(tmp_path: Path, folder: Path) -> None:
    torn = tear(a_checkpoint(tmp_path / "x.pt"), 1500).read_bytes()

    with pytest.raises(HubProtocolError, match="no whole zip"):
        await bring(a_hub(torn), folder / "last.pt")
    assert names_in(folder) == []


async def test_a_damaged_member_is_refused(tmp_path: Path, folder: Path) -> None:
    damaged = bytearray(a_checkpoint(tmp_path / "x.pt", size=5000).read_bytes())
    damaged[2000] ^= 1

    with pytest.raises(HubProtocolError, match=r"member 'x/data/0' is damaged"):
        await bring(a_hub(bytes(damaged)), folder / "last.pt")
    assert names_in(folder) == []


async def test_what_comes_short_of_its_length_is_refused(content: bytes, folder: Path) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield content[: len(content) // 2]

    reply = httpx.Response(200, content=half(), headers={"content-length": str(len(content))})

    with pytest.raises(HubUnavailable, match=f"of {len(content)} bytes came"):
        await bring(RecordedHub().on("GET", PATH, lambda _: reply), folder / "last.pt")
    assert names_in(folder) == []


async def test_a_file_larger_than_allowed_is_not_begun(content: bytes, folder: Path) -> None:
    with pytest.raises(HubProtocolError, match=f"has {len(content)} bytes, at most 1000 are allowed"):
        await bring(a_hub(content), folder / "last.pt", max_bytes=1000)
    assert names_in(folder) == []


async def test_a_file_that_turns_out_larger_than_allowed_is_broken_off(folder: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000

    reply = httpx.Response(200, content=endless())

    with pytest.raises(HubProtocolError, match="more than 5000 bytes"):
        await bring(RecordedHub().on("GET", PATH, lambda _: reply), folder / "last.pt", max_bytes=5000)
    assert names_in(folder) == []


async def test_a_hash_that_was_asked_for_is_compared(content: bytes, folder: Path) -> None:
    with pytest.raises(HubUnavailable, match="SHA-256"):
        await bring(a_hub(content), folder / "last.pt", sha256="0" * 64)
    assert names_in(folder) == []


async def test_a_hash_that_the_hub_names_is_compared(content: bytes, folder: Path) -> None:
    with pytest.raises(HubUnavailable, match="SHA-256"):
        await bring(a_hub(content, x_hubtraining_sha256="0" * 64), folder / "last.pt")


async def test_a_right_hash_is_right(content: bytes, tmp_path: Path, folder: Path) -> None:
    wanted = digest(tmp_path / "source" / "last.pt")

    assert await bring(a_hub(content, x_hubtraining_sha256=wanted), folder / "last.pt", sha256=wanted)


async def test_a_redirect_within_the_host_is_followed(content: bytes, folder: Path) -> None:
    hub = a_hub(content).on("GET", "/from", httpx.Response(307, headers={"location": PATH}))

    assert (await bring(hub, folder / "last.pt", "http://files.test/from")).read_bytes() == content


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest", "https://files.test/a", "http://files.test:81/a", "//other.test/a"]
)
async def test_a_redirect_to_another_host_is_refused(folder: Path, target: str) -> None:
    hub = RecordedHub().on("GET", PATH, httpx.Response(302, headers={"location": target}))

    with pytest.raises(HubProtocolError, match="redirects to another host"):
        await bring(hub, folder / "last.pt")
    assert len(hub.asked) == 1


async def test_redirects_without_end_are_left(folder: Path) -> None:
    hub = RecordedHub().on("GET", PATH, httpx.Response(302, headers={"location": PATH}))

    with pytest.raises(HubProtocolError, match="more than 3 redirects"):
        await bring(hub, folder / "last.pt")


async def test_files_that_are_no_archives_by_their_name_are_taken_as_they_are(folder: Path) -> None:
    hub = RecordedHub().on("GET", "/coco8.yaml", httpx.Response(200, content=b"path: x"))

    assert (await bring(hub, folder / "c.yaml", "http://files.test/coco8.yaml")).read_bytes() == b"path: x"


async def test_compression_is_not_asked_for(content: bytes, folder: Path) -> None:
    hub = a_hub(content)

    await bring(hub, folder / "last.pt")

    assert hub.asked[0].headers["accept-encoding"] == "identity"


async def test_compression_that_comes_unasked_is_undone(content: bytes, folder: Path) -> None:
    packed = gzip.compress(content)
    reply = httpx.Response(200, headers={"content-encoding": "gzip"}, content=packed)

    assert (await bring(RecordedHub().on("GET", PATH, lambda _: reply), folder / "last.pt")).read_bytes() == content


async def test_a_body_that_says_it_is_compressed_and_is_not_is_refused(folder: Path) -> None:
    async def plain() -> AsyncIterator[bytes]:
        yield b"not compressed"

    reply = httpx.Response(200, headers={"content-encoding": "gzip"}, content=plain())

    with pytest.raises(HubProtocolError, match="cannot be read"):
        await bring(RecordedHub().on("GET", PATH, lambda _: reply), folder / "last.pt")


async def test_a_disk_that_refuses_is_the_callers(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileNotFoundError):
        await bring(a_hub(content), tmp_path / "no such folder" / "last.pt")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(position=st.integers(0, 2300), value=st.integers(0, 255), cut=st.integers(0, 2300))
async def test_whatever_is_kept_is_a_whole_archive(tmp_path: Path, position: int, value: int, cut: int) -> None:
    data = bytearray(a_checkpoint(tmp_path / "x.pt").read_bytes())
    data[position % len(data)] = value
    path = tmp_path / "last.pt"

    try:
        await bring(a_hub(bytes(data[: len(data) - cut])), path)
    except HubError:
        assert not path.exists()
    else:
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
        path.unlink()

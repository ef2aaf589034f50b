"""Multipart forms with one file, in constant memory: the file's bytes go to disk as they come."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from hubtraining.hub.refusals import Invalid, Malformed
from hubtraining.hub.store.blobs import Spool

Threads = Callable[..., Awaitable[Any]]
"""Runs a blocking function elsewhere: ``asyncio.to_thread``."""

FLUSH_BYTES = 1 << 20
MAX_FIELD = 4096
MAX_PARTS = 32


@dataclass
class Form:
    """The text fields, and the name of the file whose bytes went into the spool."""

    fields: dict[str, str] = field(default_factory=dict)
    file_name: str | None = None


@dataclass
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""
    is_file: bool = False
    text: bytearray = field(default_factory=bytearray)


class FormReader:
    """Takes a body in pieces of any size; the file's bytes collect in ``pending`` until they are taken."""

    def __init__(self, boundary: bytes) -> None:
        self.form = Form()
        self.pending = bytearray()
        self.complete = False
        self._part = _Part()
        self._parts = 0
        self._header, self._value = bytearray(), bytearray()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def feed(self, piece: bytes) -> None:
        """Read the next piece; raises Malformed or Invalid."""
        try:
            self._parser.write(piece)
        except FormParserError:
            raise Malformed("the body is no multipart form") from None

    def take(self) -> bytes:
        """The file's bytes that came since the last time."""
        data = bytes(self.pending)
        self.pending.clear()
        return data

    def _begin_part(self) -> None:
        self._part = _Part()
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Invalid(f"the form has more than {MAX_PARTS} parts")

    def _end_header(self) -> None:
        self._part.headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._part.headers.get(b"content-disposition", b""))
        self._part.name = _text(options.get(b"name", b""))
        self._part.is_file = b"filename" in options
        if self._part.is_file:
            if self.form.file_name is not None:
                raise Invalid("the form has more than one file")
            self.form.file_name = _text(options[b"filename"]) or self._part.name

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if self._part.is_file:
            self.pending += memoryview(data)[start:end]
            return
        self._part.text += data[start:end]
        if len(self._part.text) > MAX_FIELD:
            raise Invalid(f"the form's field {self._part.name[:60]!a} is longer than {MAX_FIELD} bytes")

    def _end_part(self) -> None:
        if not self._part.is_file:
            self.form.fields[self._part.name] = _text(bytes(self._part.text))

    def _end(self) -> None:
        self.complete = True


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def boundary_of(content_type: str) -> bytes:
    """The boundary of a multipart form; raises Malformed for any other type."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise Malformed("a multipart form with one file is expected")
    return boundary


async def receive(pieces: AsyncIterator[bytes], content_type: str, spool: Spool, threads: Threads) -> Form:
    """Read a form, its file into ``spool``; raises Malformed or Invalid, OSError when the disk fails."""
    try:
        reader = FormReader(boundary_of(content_type))
    except FormParserError:
        raise Malformed("the multipart boundary cannot be used") from None
    async for piece in pieces:
        reader.feed(piece)
        if len(reader.pending) >= FLUSH_BYTES:
            await threads(spool.write, reader.take())
    if not reader.complete:
        raise Malformed("the multipart form ends too early")
    if reader.form.file_name is None:
        raise Invalid("the form has no file")
    if reader.pending:
        await threads(spool.write, reader.take())
    return reader.form

"""A multipart body of a few text fields and one file, read from disk while it is sent: memory stays constant."""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from io import BufferedReader
from pathlib import Path

CHUNK = 256 * 1024
"""Bytes read and sent at once."""

Progress = Callable[[int, int], None]
"""Called with the bytes of the file that were handed to the connection, and its size."""


class FileChanged(Exception):
    """The file became shorter while it was sent; nothing of it was accepted."""


class FileForm:
    """One body. It may be streamed again from the start, with the same bytes: the file is held open."""

    def __init__(self, file: BufferedReader, fields: Mapping[str, str], part: str, filename: str) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        """Bytes of the file."""
        self._boundary = secrets.token_hex(16)
        self._head = _head(self._boundary, fields, part, filename)
        self._tail = f"\r\n--{self._boundary}--\r\n".encode()

    def headers(self) -> dict[str, str]:
        """Type and exact length of the body."""
        return {
            "content-type": f"multipart/form-data; boundary={self._boundary}",
            "content-length": str(len(self._head) + self.size + len(self._tail)),
        }

    def sha256(self) -> str:
        """Of the file, lowercase hex; blocks while it reads the file."""
        self._file.seek(0)
        return hashlib.file_digest(self._file, "sha256").hexdigest()

    async def stream(self, progress: Progress | None = None) -> AsyncIterator[bytes]:
        """The body in pieces. Raises FileChanged."""
        yield self._head
        sent, coming = 0, self._read(0)
        try:
            while sent < self.size:
                piece = await coming
                if not piece:
                    raise FileChanged(f"the file ended after {sent} of {self.size} bytes")
                sent += len(piece)
                coming = self._read(sent)  # while the connection takes the piece before
                yield piece
                if progress is not None:
                    progress(sent, self.size)
        finally:
            await asyncio.gather(coming, return_exceptions=True)  # nobody closes the file under its reader
        yield self._tail

    def _read(self, start: int) -> asyncio.Future[bytes]:
        """The piece that begins there, read in a thread."""
        length = min(CHUNK, self.size - start)
        return asyncio.ensure_future(asyncio.to_thread(os.pread, self._file.fileno(), length, start))


@asynccontextmanager
async def file_form(path: str | Path, fields: Mapping[str, str], part: str, filename: str) -> AsyncIterator[FileForm]:
    """Open a file as a form; OSError is the caller's."""
    file = await asyncio.to_thread(Path(path).open, "rb")
    try:
        yield FileForm(file, fields, part, filename)
    finally:
        file.close()


def _head(boundary: str, fields: Mapping[str, str], part: str, filename: str) -> bytes:
    texts = "".join(f"{_disposition(boundary, name)}\r\n\r\n{value}\r\n" for name, value in fields.items())
    return f'{texts}{_disposition(boundary, part)}; filename="{_quoted(filename)}"\r\n\r\n'.encode()


def _disposition(boundary: str, name: str) -> str:
    return f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'


def _quoted(name: str) -> str:
    """The three characters that could end the quotes or the line, written as browsers write them."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")

#!/usr/bin/env python3
"""Make a tiny detection data set: coloured signs on noise, zipped in the layout that hubs take.

Usage: python3 examples/dataset/make.py OUT.zip

The same bytes come out every time and everywhere, so nothing here is left to a compressor, a clock or a hash seed.
"""

import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator
from itertools import count, product
from pathlib import Path
from random import Random
from typing import NamedTuple

SIDE = 64
CELL = SIDE // 2  # at most one sign in each quarter of an image: no sign hides another
SPLITS = {"train": 12, "val": 4}
SEED = 8
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can tell

Colour = tuple[int, int, int]
NAMES = ("disc", "square", "triangle")
COLOURS: tuple[Colour, ...] = ((220, 30, 30), (30, 60, 220), (240, 200, 20))


class Sign(NamedTuple):
    kind: int
    x: int
    y: int
    radius: int

    def covers(self, x: int, y: int) -> bool:
        right, down = abs(x - self.x), y - self.y
        if max(right, abs(down)) > self.radius:
            return False
        if NAMES[self.kind] == "disc":
            return right**2 + down**2 <= self.radius**2
        return NAMES[self.kind] == "square" or 2 * right <= down + self.radius

    @property
    def label(self) -> str:
        """Class, centre, width and height, as fractions of the image."""
        size = (2 * self.radius + 1) / SIDE
        return f"{self.kind} {(self.x + 0.5) / SIDE:.6f} {(self.y + 0.5) / SIDE:.6f} {size:.6f} {size:.6f}\n"


def below(limit: int, random: Random) -> int:
    # Of all that Random draws, only random() is promised to be the same in every Python.
    return int(random.random() * limit)


def signs(kinds: Iterator[int], random: Random) -> list[Sign]:
    """One to three signs, each in a quarter of its own."""
    quarters = list(product((0, CELL), repeat=2))
    drawn = [quarters.pop(below(len(quarters), random)) for _ in range(1 + below(3, random))]
    return [sign(next(kinds), left, top, random) for left, top in drawn]


def sign(kind: int, left: int, top: int, random: Random) -> Sign:
    radius = 6 + below(6, random)
    room = CELL - 2 * radius - 1
    return Sign(kind, left + radius + below(room, random), top + radius + below(room, random), radius)


def pixel(x: int, y: int, drawn: list[Sign], random: Random) -> bytes:
    noise = [below(128, random) for _ in range(3)]
    found = next((each for each in drawn if each.covers(x, y)), None)
    return bytes(COLOURS[found.kind]) if found else bytes(noise)


def png(drawn: list[Sign], random: Random) -> bytes:
    rows = (b"\0" + b"".join(pixel(x, y, drawn, random) for x in range(SIDE)) for y in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", stored(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in chunks)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def stored(raw: bytes) -> bytes:
    """A zlib stream of one uncompressed block: what a compressor writes differs between its versions."""
    block = b"\1" + struct.pack("<HH", len(raw), len(raw) ^ 0xFFFF) + raw
    return b"\x78\x01" + block + struct.pack(">I", zlib.adler32(raw))


def description() -> str:
    names = "".join(f"  {number}: {name}\n" for number, name in enumerate(NAMES))
    return (
        "# Signs: coloured shapes on noise. Without a `path`, train and val are looked for beside this file.\n"
        f"train: images/train\nval: images/val\nnames:\n{names}"
    )


def files(name: str) -> Iterator[tuple[str, bytes]]:
    """Every file of the data set, by its path in the zip."""
    random = Random(SEED)
    kinds = (number % len(NAMES) for number in count())
    yield f"{name}/{name}.yaml", description().encode()
    for split, images in SPLITS.items():
        for number in range(images):
            drawn = signs(kinds, random)
            yield f"{name}/images/{split}/{number:03}.png", png(drawn, random)
            yield f"{name}/labels/{split}/{number:03}.txt", "".join(each.label for each in drawn).encode()


def make(out: Path) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path, content in files(out.stem):
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.create_system = 3  # Unix, on every system, so that the mode below means something
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)


def main(arguments: list[str]) -> None:
    if len(arguments) != 1 or Path(arguments[0]).suffix != ".zip":
        sys.exit("Usage: make.py OUT.zip (the data set is named after the file)")
    make(Path(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])

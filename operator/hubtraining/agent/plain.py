"""The plain parts of a pickle: dicts, lists, text and numbers are made, everything else is left blank.

Opcodes are walked on a stack, as unpickling would, but no class is looked up and no code of a stranger runs.
"""

import pickletools
import struct
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import msgspec

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
SCALARS = frozenset({"BININT", "BININT1", "BININT2", "LONG1", "INT", "LONG", "BINFLOAT", "FLOAT",
                     "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"})  # fmt: skip

FRAME_BYTES = 9
"""Of the opcode and its length."""


class Unreadable(ValueError):
    """The bytes are no whole pickle."""


class Scalar(msgspec.Struct, frozen=True):
    """Text, a number, a truth value or None, and the bytes that make it."""

    value: str | int | float | None
    start: int
    end: int


class Blank:
    """Stands for every object that is not plain."""


BLANK = Blank()
Node = Any
"""A Scalar, a dict of nodes by name, a list of nodes, or a Blank; a dict and what it holds may stand in many places."""


class Pickle(msgspec.Struct, frozen=True):
    """What was found."""

    root: Node
    frames: tuple[int, ...] = ()
    """Where lengths of what follows are written, for readers that want to read ahead."""


def read(pickled: bytes) -> Pickle:
    """The plain parts. Raises Unreadable."""
    machine, stream = _Machine(), BytesIO(pickled)
    try:
        for opcode, argument, start in pickletools.genops(stream):
            machine.step(opcode, argument, start or 0, stream.tell())
    except (ValueError, IndexError) as error:
        raise Unreadable(f"not a whole pickle: {error}") from None
    return Pickle(machine.result, tuple(machine.frames))


def replaced(pickled: bytes, changes: Mapping[Scalar, str | int]) -> bytes:
    """The pickle with other scalars in the places of these. Raises Unreadable.

    Lengths of frames would not fit any more and are left out: no reader needs them.
    """
    cuts = [(scalar.start, scalar.end, _encoded(value)) for scalar, value in changes.items()]
    cuts += [(start, start + FRAME_BYTES, b"") for start in read(pickled).frames]
    for start, end, instead in sorted(cuts, reverse=True):
        pickled = pickled[:start] + instead + pickled[end:]
    return pickled


def _encoded(value: str | int) -> bytes:
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    text = value.encode()
    return b"X" + struct.pack("<I", len(text)) + text


class _Machine:
    """Stack, marks and memo."""

    def __init__(self) -> None:
        self.result: Node = BLANK
        self.frames: list[int] = []
        self._stack: list[Node] = []
        self._marks: list[int] = []
        self._memo: dict[int, Node] = {}

    def step(self, opcode: pickletools.OpcodeInfo, argument: Any, start: int, end: int) -> None:
        """One opcode, which takes these bytes."""
        name = opcode.name
        if name in SCALARS:
            self._stack.append(Scalar(argument, start, end))
        elif name in CONSTANTS:
            self._stack.append(Scalar(CONSTANTS[name], start, end))
        elif name.endswith("GET"):
            self._stack.append(self._memo.get(int(argument), BLANK))
        elif name.endswith("PUT"):
            self._memo[int(argument)] = self._stack[-1]
        elif name == "FRAME":
            self.frames.append(start)
        else:
            self._other(opcode)

    def _other(self, opcode: pickletools.OpcodeInfo) -> None:
        match opcode.name:
            case "MARK":
                self._marks.append(len(self._stack))
            case "MEMOIZE":
                self._memo[len(self._memo)] = self._stack[-1]
            case "DUP":
                self._stack.append(self._stack[-1])
            case "EMPTY_DICT":
                self._stack.append({})
            case "EMPTY_LIST":
                self._stack.append([])
            case "STOP":
                self.result = self._stack[-1]
            case _:
                self._fold(opcode)

    def _fold(self, opcode: pickletools.OpcodeInfo) -> None:
        """Opcodes that take from the stack: a container gets what is for it, everything else becomes blank."""
        needed = [thing.name for thing in opcode.stack_before]
        taken = self._since_mark() if "mark" in needed else self._pop(len(needed) - _has_target(opcode.name))
        if _has_target(opcode.name):
            _fill(self._stack[-1], opcode.name, taken)
            return
        if opcode.name == "ADDITEMS":
            return
        self._stack.extend(BLANK for _ in opcode.stack_after)

    def _since_mark(self) -> list[Node]:
        start = self._marks.pop()
        taken, self._stack[start:] = self._stack[start:], []
        return taken

    def _pop(self, count: int) -> list[Node]:
        if count > len(self._stack):
            raise IndexError("more is taken from the stack than was put there")
        start = len(self._stack) - count
        taken, self._stack[start:] = self._stack[start:], []
        return taken


def _has_target(name: str) -> bool:
    return name in ("SETITEM", "SETITEMS", "APPEND", "APPENDS")


def _fill(target: Node, name: str, taken: list[Node]) -> None:
    if isinstance(target, dict) and name.startswith("SETITEM"):
        for key, value in zip(taken[::2], taken[1::2], strict=False):
            if isinstance(key, Scalar) and isinstance(key.value, str):
                target[key.value] = value
    elif isinstance(target, list) and name.startswith("APPEND"):
        target.extend(taken)

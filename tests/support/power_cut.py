"""Replaying what a process told its disk up to a moment, and losing what it had not synced.

Reads the log of ``strace -f -xx -s 1000000 -o LOG -e trace=openat,close,pwrite64,write,ftruncate,fsync,fdatasync,
unlink,rename``. A write may reach the disk from its beginning on; a sync holds from its end, for the writes that had
ended before it began. Names are taken as durable at once: lost renames, torn sectors and lying cards are not played.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_LINE = re.compile(r"^(\d+)\s+(.*)$")
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")
_CALL = re.compile(r"^(\w+)\((.*)\)\s+=\s+(-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True, slots=True)
class Call:
    """One system call; ``began`` and ``ended`` are its places in the log."""

    name: str
    arguments: str
    result: int
    began: int
    ended: int

    def texts(self) -> list[bytes]:
        return [bytes.fromhex(found.replace("\\x", "")) for found in _TEXT.findall(self.arguments)]

    def numbers(self) -> list[int]:
        """The arguments that are plain numbers, in order."""
        return [int(part) for part in _TEXT.sub("", self.arguments).split(",") if part.strip().lstrip("-").isdigit()]


def read_calls(log: Path) -> list[Call]:
    """The calls that ended, in the order in which they ended."""
    calls, open_calls = [], dict[str, tuple[str, int]]()
    for place, line in enumerate(log.read_text().splitlines()):
        matched = _LINE.match(line)
        if matched is None:
            continue
        thread, rest = matched.groups()
        if rest.endswith("<unfinished ...>"):
            open_calls[thread] = rest.removesuffix("<unfinished ...>"), place
            continue
        began = place
        if resumed := _RESUMED.match(rest):
            if thread not in open_calls:
                continue
            beginning, began = open_calls.pop(thread)
            rest = beginning + rest[resumed.end() :]
        if found := _CALL.match(rest):
            calls.append(Call(found[1], found[2], int(found[3]), began, place))
    return calls


@dataclass(slots=True)
class File:
    """``durable`` is on the disk; ``pending`` are (began, ended, offset, data) that may or may not be.

    A truncation is (began, ended, length, None).
    """

    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, int, int, bytes | None]] = field(default_factory=list)

    def sync(self, before: int) -> None:
        for write in self.pending:
            if write[1] < before:
                apply(self.durable, write[2], write[3])
        self.pending = [write for write in self.pending if write[1] >= before]

    def after_cut(self, choose: random.Random | None) -> bytes:
        """What is found after the cut: of what was not synced nothing, or each with a chance of one half."""
        content = bytearray(self.durable)
        for _, _, offset, data in self.pending:
            if choose is not None and choose.random() < 0.5:
                apply(content, offset, data)
        return bytes(content)


def apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        content.extend(b"\0" * (offset - len(content)))
        return
    content.extend(b"\0" * (offset - len(content)))
    content[offset : offset + len(data)] = data


@dataclass(slots=True)
class Disk:
    """The files below one folder, as the calls up to now left them."""

    folder: str
    files: dict[str, File] = field(default_factory=dict)
    descriptors: dict[int, File] = field(default_factory=dict)

    def play(self, call: Call) -> None:
        match call.name:
            case "openat":
                self._open(call)
            case "close":
                self.descriptors.pop(call.numbers()[0], None)
            case "pwrite64" | "ftruncate" | "fsync" | "fdatasync":
                if (file := self.descriptors.get(call.numbers()[0])) is not None and call.result >= 0:
                    self._on_file(file, call)
            case "unlink" if call.result == 0:
                self.files.pop(self._name(call.texts()[0]) or "", None)
            case "rename" if call.result == 0:
                old, new = (self._name(text) for text in call.texts())
                if old in self.files and new is not None:
                    self.files[new] = self.files.pop(old)

    def _open(self, call: Call) -> None:
        name = self._name(call.texts()[0])
        if call.result < 0:
            return
        self.descriptors.pop(call.result, None)
        if name is not None and "O_DIRECTORY" not in call.arguments:
            self.descriptors[call.result] = self.files.setdefault(name, File())

    def _on_file(self, file: File, call: Call) -> None:
        if call.name in ("fsync", "fdatasync"):
            file.sync(call.began)
        elif call.name == "ftruncate":
            file.pending.append((call.began, call.ended, call.numbers()[1], None))
        else:
            data = call.texts()[0][: call.result]
            file.pending.append((call.began, call.ended, call.numbers()[-1], data))

    def _name(self, path: bytes) -> str | None:
        text = path.decode()
        inside = text.startswith(self.folder + "/") and not text.endswith("-shm")
        return text.removeprefix(self.folder + "/") if inside else None

    def write_to(self, folder: Path, choose: random.Random | None) -> None:
        """Lay out what is found after a cut now."""
        folder.mkdir()
        for name, file in self.files.items():
            (folder / name).write_bytes(file.after_cut(choose))


def cuts(calls: Sequence[Call], folder: str, places: Sequence[int]) -> Iterator[tuple[int, Disk, bytes]]:
    """At each place (a number of calls, ascending): the disk, and what the process had written to its output."""
    disk, said, played = Disk(folder), bytearray(), 0
    for place in places:
        for call in calls[played:place]:
            disk.play(call)
            if call.name == "write" and call.numbers()[0] == 1:
                said += call.texts()[0]
        played = place
        yield place, disk, bytes(said)

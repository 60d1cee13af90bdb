"""The formats as their own files describe them: what the README's table is made of.

``python -m drivers.formats.catalogue`` copies a page from standard input to standard output with the table between its
two marks; ``make format`` does so to the README.
"""

import importlib
import pkgutil
import re
import sys
from dataclasses import dataclass

import drivers.formats

BEGIN, END = "<!-- formats: made by drivers/formats/catalogue.py -->\n", "<!-- formats end -->\n"
PARTS = ("Wire", "Units", "Failure", "Source", "Sample", "Config")
"""What a format's docstring tells, each beginning a line, in this order."""

_QUOTED = re.compile(r"``(.*?)``(?:$|(?=\s))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """``title`` and ``summary`` are the docstring's first paragraph; ``sample`` is topic and payload, or lines."""

    name: str
    title: str
    summary: str
    parts: dict[str, str]

    @property
    def sample(self) -> list[str]:
        return _QUOTED.findall(self.parts["Sample"])

    @property
    def config(self) -> str:
        """One driver in YAML, less its name."""
        return " ".join(_QUOTED.findall(self.parts["Config"]))


def entries() -> list[Entry]:
    """Every format's, by title; raises ValueError for a docstring that lacks a part."""
    modules = (
        importlib.import_module(f"drivers.formats.{i.name}") for i in pkgutil.iter_modules(drivers.formats.__path__)
    )
    described = [read(module.NAME, module.__doc__ or "") for module in modules if hasattr(module, "NAME")]
    return sorted(described, key=lambda entry: entry.title.lower())


def read(name: str, docstring: str) -> Entry:
    """A format's docstring taken apart."""
    first, _, _ = docstring.partition("\n\n")
    title, _, summary = " ".join(first.split()).partition(": ")
    places = [re.search(rf"^{part}: ", docstring, re.MULTILINE) for part in PARTS]
    for part, place in zip(PARTS, places, strict=True):
        if place is None:
            raise ValueError(f"the format {name!r} does not tell its {part}: a line of its docstring begins with it")
    starts = [(place.start(), place.end()) for place in places if place is not None]
    ends = [start for start, _ in starts[1:]] + [len(docstring)]
    texts = {part: docstring[start:end].strip() for part, (_, start), end in zip(PARTS, starts, ends, strict=True)}
    return Entry(name, title, summary.rstrip("."), texts)


def table() -> str:
    """The README's table: what it is, what comes over the wire, one line that configures it."""
    rows = ["| format | what comes | one line of `drivers:` |", "|---|---|---|"]
    for entry in entries():
        cells = (entry.title, entry.summary.replace("``", "`"), f"`{entry.config}`")
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def with_table(text: str) -> str:
    """A page with the table between its marks; raises ValueError where they are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no lines {BEGIN.strip()!r} and {END.strip()!r}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    sys.stdout.write(with_table(sys.stdin.read()))

"""The formats' own files are the documentation: what they show is really read, and the README shows the same."""

from pathlib import Path

import pytest
import yaml

from drivers import load
from drivers.base import Kind
from drivers.formats import SERIAL_FORMATS, SerialDecoder, decode_mqtt
from drivers.formats.catalogue import Entry, entries, read, with_table

README = Path(__file__).parents[3] / "README.md"
ENTRIES = entries()


def named(entry: Entry) -> str:
    return entry.name + ":" + entry.title


@pytest.mark.parametrize("entry", ENTRIES, ids=named)
def test_its_sample_is_read_by_the_very_format(entry: Entry) -> None:
    if "type: serial" not in entry.config:
        topic, payload = entry.sample
        memory: dict[str, object] = {}
        for prepared in PREPARED.get(entry.name, ()):
            decode_mqtt(*prepared, memory)
        decoded = [decode_mqtt(topic, payload.encode(), memory)]
    else:
        data = b"".join(bytes.fromhex(line) for line in entry.sample) if "hex" in entry.parts["Sample"] else None
        decoder = SerialDecoder("auto")
        decoded = decoder.feed(data or "".join(line + "\r\n" for line in entry.sample).encode()) + decoder.end()
    assert entry.name in {one.format for one in decoded}
    assert Kind.UNKNOWN not in {one.kind for one in decoded}


PREPARED = {
    "discovered": [("homeassistant/sensor/x/config", b'{"stat_t":"x/1","dev_cla":"temperature","uniq_id":"x1"}')]
}


@pytest.mark.parametrize("entry", ENTRIES, ids=named)
def test_its_configuration_is_one_that_its_driver_takes(entry: Entry) -> None:
    driver = yaml.safe_load(entry.config)
    assert load(driver["type"]).Settings.model_validate({"name": "x", **driver}).type == driver["type"]


def test_every_serial_format_that_can_be_named_is_described() -> None:
    assert {"auto"} == SERIAL_FORMATS - {entry.name for entry in ENTRIES}


def test_the_readme_s_table_is_made_of_them() -> None:
    page = README.read_text(encoding="utf-8")
    assert page == with_table(page), "run: make format"


def test_a_docstring_that_lacks_a_part_is_named() -> None:
    with pytest.raises(ValueError, match="the format 'x' does not tell its Units"):
        read("x", "X: y.\n\nWire: a\nFailure: b\nSource: c\nSample: d\nConfig: e")

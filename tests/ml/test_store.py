"""Stored models: whole or absent, of this version or refused."""

from pathlib import Path

import numpy as np
import pytest

from ml import store


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    arrays = {"a/b": np.arange(5, dtype=np.uint8), "names": np.array(["x", "yy"])}
    store.save(tmp_path / "1.npz", 3, arrays)
    loaded = store.load(tmp_path / "1.npz", 3)
    assert loaded is not None
    assert set(loaded) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
    assert [path.name for path in tmp_path.iterdir()] == ["1.npz"], "nothing half-written is left"


def test_no_file_is_none(tmp_path: Path) -> None:
    assert store.load(tmp_path / "1.npz", 1) is None


def test_another_version_is_refused(tmp_path: Path) -> None:
    store.save(tmp_path / "1.npz", 1, {"a": np.zeros(1)})
    with pytest.raises(store.StaleModelError, match=r"version 1; this is version 2"):
        store.load(tmp_path / "1.npz", 2)


@pytest.mark.parametrize("size", [0, 3, 100, 400])
def test_a_damaged_file_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "1.npz"
    store.save(path, 1, {"a": np.arange(100)})
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(store.StaleModelError):
        store.load(path, 1)


def test_no_pickle_is_ever_read() -> None:
    with pytest.raises(store.StaleModelError):
        store.loads(b"\x80\x04N.")


def test_whichever_byte_of_a_file_is_damaged_it_is_refused_or_read(tmp_path: Path) -> None:
    path = tmp_path / "1.npz"
    store.save(path, 1, {"a": np.arange(20), "b": np.zeros((2, 3), np.float32)})
    whole = path.read_bytes()
    refused = 0
    for place in range(len(whole)):
        for change in (0x01, 0x80, 0xFF):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])
            try:
                store.load(path, 1)
            except store.StaleModelError:
                refused += 1
    assert refused > 300

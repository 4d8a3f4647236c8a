"""Safetensors files whose header lies."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from textual_inversion.core.base.errors import FileFormatError
from textual_inversion.core.formats import read_embedding


def _file(header: object, data: bytes = bytes(32), *, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def _entry(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


GOOD = {"a": _entry([2, 4], 0, 32)}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (_file(GOOD, length=10_000_000_000), "header claims 10000000000 bytes"),
        (_file(GOOD, length=2**64 - 1), "header claims"),
        (_file(b"{" + b" " * 9_000_000 + b"}"), "at most 8388608 are read"),
        (_file(b'{"a":' + b"[" * 5000), "header is broken"),
        (_file(b'{"a":' * 3000), "header is broken"),
        (_file(b"{not json}"), "header is broken"),
        (_file({"a": _entry([2, 4], 0, 32), "b": _entry([2, 4], 0, 32)}), "header is broken"),
        (_file({"a": _entry([2, 4], 8, 40)}), "header is broken"),
        (_file({"a": _entry([2**40, 2**40], 0, 32)}), "header is broken"),
        (_file({"a": _entry([-1, 4], 0, 32)}), "header is broken"),
        (_file(GOOD, bytes(31)), "header is broken"),
        (_file(GOOD, bytes(33)), "header is broken"),
        (_file({"a": _entry([2, 4], 0, 32, "XX")}), "header is broken"),
        (_file({"a": _entry([2, 4], 0, 8, "F8_E4M3")}, bytes(8)), "stored as F8_E4M3"),
        (_file({"a": _entry([2, 4], 0, 64, "I64")}, bytes(64)), "stored as int64"),
        (_file({"a": _entry([2, 1, 4], 0, 32)}), r"shape \[2, 1, 4\]"),
        (_file({"a": _entry([0, 4], 0, 0)}, b""), r"shape \[0, 4\]"),
        (_file({"a": _entry([], 0, 4)}, bytes(4)), r"shape \[\]"),
        (_file({"a": _entry([2, 4], 0, 32)}, b"\x00\x00\xc0\x7f" * 8), "vector 1, 2 holds NaN"),
        (_file({}, b""), "no tensors"),
        (_file({"__metadata__": {"name": "x"}}, b""), "no tensors"),
        (_file({"clip_l": _entry([1, 4], 0, 16), "clip_g": _entry([2, 2], 16, 32)}), "different numbers of vectors"),
        (b"", "is empty"),
        (b"\0" * 9, "nothing but zero bytes"),
        (b"\1\2\3" * 9, "no embedding in any known format"),
        (b"hello, world, I am a text file", r"it is a text \('hello, world, I am a text file'\)"),
    ],
)
def test_is_refused_with_a_sentence(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=words) as caught:
        read_embedding(path)
    assert str(path) in caught.value.message


def test_the_good_file_is_good(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(_file(GOOD))
    assert read_embedding(tmp_path / "x.safetensors").vectors["*"].shape == (2, 4)


def test_more_values_than_any_embedding_has(tmp_path: Path) -> None:
    """A sparse file: the claim is refused before anything is read."""
    size = 4 * 100_000 * 768
    path = tmp_path / "x.safetensors"
    path.write_bytes(_file({"a": _entry([100_000, 768], 0, size)}, b""))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + size)
    with pytest.raises(FileFormatError, match="claims 76800000 values"):
        read_embedding(path)


@pytest.mark.parametrize("notes", ["[" * 100_000, '{"a":' * 100_000, "[1, 2]", '{"a": 1}', "9" * 10_000])
def test_odd_metadata_does_no_harm(tmp_path: Path, notes: str) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(_file({"__metadata__": {"notes": notes, "step": "x"}, "n" * 10_000: GOOD["a"]}))
    found = read_embedding(path)
    assert found.step is None
    assert len(found.name or "") == 4096
    assert all(isinstance(value, str) for value in found.notes.values())

from __future__ import annotations

from pathlib import Path

import pytest

from textual_inversion.core.base.text_files import read_text


@pytest.mark.parametrize(
    "content",
    [
        "a café, “so”".encode(),
        b"\xef\xbb\xbf" + "a café, “so”".encode(),
        b"\xef\xbb\xbf\xef\xbb\xbf" + "a café, “so”".encode(),
        "ï»¿a café, “so”".encode(),
        "a café, “so”".encode("utf-16"),
        b"\xff\xfe" + "\ufeffa café, “so”".encode("utf-16-le"),
        "a café, “so”".encode("cp1252"),
    ],
)
def test_texts_as_programs_write_them(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.txt").write_bytes(content)
    assert read_text(tmp_path / "x.txt") == "a café, “so”"

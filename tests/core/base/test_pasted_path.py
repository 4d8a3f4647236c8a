from __future__ import annotations

import os
from pathlib import Path

import pytest

from textual_inversion.core.base.pasted_path import pasted_path, why_no_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "my cats"
    made.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("PLACE", str(tmp_path))
    return made


FORMS = (
    "{}",
    "  {} \n",
    "{}\r\n",
    "{}/",
    '"{}"',
    "'{}'",
    "`{}`",
    "“{}”",
    "„{}“",
    "‘{}’",
    "«{}»",
    "\"'{}'\" ",
    "\u202a{}\u202c",
    '\ufeff"{}"',
    "\u200b{}\u200b",
    "& '{}'",
    "file://{}",
    "file://localhost{}",
    "FILE:{}",
    '"file://{}"',
)


@pytest.mark.parametrize("form", FORMS)
def test_a_pasted_path_is_found(folder: Path, form: str) -> None:
    assert pasted_path(form.format(folder)) == folder


@pytest.mark.parametrize(
    "text",
    ["~/my cats", "'~/my cats'", "$HOME/my cats", "${PLACE}/my cats", "%USERPROFILE%/my cats", "%PLACE%/my cats"],
)
def test_the_home_folder_and_the_environment(folder: Path, text: str) -> None:
    assert pasted_path(text) == folder


@pytest.mark.parametrize("blank", ["\\ ", "%20"])
def test_blanks_as_shells_and_browsers_write_them(folder: Path, blank: str) -> None:
    text = str(folder).replace(" ", blank)
    assert pasted_path(text) == pasted_path(f"file://{text}") == folder


def test_a_mark_in_the_middle(folder: Path) -> None:
    assert pasted_path(str(folder).replace("my", "\u200emy")) == folder


@pytest.mark.parametrize("name", ["'quoted'", '"quoted"', "a%20b", "~", "$HOME", " blank ", "file:x"])
def test_what_really_has_such_a_name_is_found_by_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir()
    assert pasted_path(name) == Path(name)


def test_what_is_not_there_keeps_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    assert pasted_path(" 'new folder' ") == Path("new folder")
    assert pasted_path("~/new") == Path(os.path.expanduser("~/new"))
    assert pasted_path("$SECRET/new") == Path("$SECRET/new"), "the environment is not shown in messages"
    assert pasted_path("a%20b") == Path("a%20b")
    assert pasted_path("") == pasted_path("  ") == Path()
    assert pasted_path("x" * 5000) == Path("x" * 5000)
    assert pasted_path("a\0b") == Path("a\0b")
    assert pasted_path('"') == Path('"')


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("https://example.org/a.png", "is an address on the web: download it, and give the folder that it is in"),
        ("'HTTP://example.org/x'", "is an address on the web"),
        ("no\u200bwhere", "does not exist (it holds the invisible character U+200B)"),
        ("nowhere", "does not exist"),
        ("x" * 300, "does not exist"),
    ],
)
def test_why_a_folder_is_none(given: str, reason: str) -> None:
    assert why_no_folder(pasted_path(given), given=given).startswith(reason)


@pytest.mark.skipif(os.name == "nt", reason="it is one there")
def test_a_path_of_windows() -> None:
    assert "is a path of Windows" in why_no_folder(pasted_path("C:\\Users\\me\\cats"))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"PK\x03\x04", "is a ZIP archive: unpack it; give a folder"), (b"\x89PNG\r\n\x1a\n", "is a PNG picture; give"), (b"\1\2", "is a file; give its folder")],
)  # fmt: skip
def test_a_file_where_a_folder_was_wanted(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(content)
    assert why_no_folder(tmp_path / "x").startswith(words)

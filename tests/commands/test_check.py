from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from textual_inversion import cli


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(5):
        Image.new("RGB", (80, 64), (index, 9, 9)).save(folder / f"{index}.png")
        (folder / f"{index}.txt").write_text("a cat " * (60 if index == 0 else 1))
    return folder


def test_people_get_sentences(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["check", str(pictures), "--template", "subject_filewords", "--width", "64", "--height", "64"]
    assert cli.main(arguments) == 0
    told = capsys.readouterr().out
    assert told.startswith("5 pictures (64x64), all with captions.\n")
    assert "- Longer than 75 tokens" in told
    assert "0.png" in told


def test_programs_get_json(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pictures / "bad.png").write_bytes(b"nothing")
    assert cli.main(["check", str(pictures), "--width", "64", "--height", "64", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["pictures"], found["sizes"]) == (5, {"64x64": 5})
    assert "bad.png cannot be read as a picture" in found["problems"][0]
    assert [finding["kind"] for finding in found["findings"]] == ["background"]


@pytest.mark.parametrize("wrong", [["--width", "100"], ["--template", "none such"]])
def test_mistakes_are_sentences(pictures: Path, capsys: pytest.CaptureFixture[str], wrong: list[str]) -> None:
    assert cli.main(["check", str(pictures), *wrong]) == 2
    assert "multiple of 8" in (told := capsys.readouterr().err) or "no prompt template" in told
    assert cli.main(["check", str(pictures / "none")]) == 2

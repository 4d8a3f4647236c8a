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


def shapes(folder: Path, **captions: str) -> Path:
    folder.mkdir()
    for index, (name, caption) in enumerate(captions.items()):
        Image.new("RGB", (64, 64), (40 * index, 9, 9)).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(caption)
    return folder


def checked(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    size = ["--width", "64", "--height", "64"]
    return cli.main(["check", str(folder), *size, *more]), capsys.readouterr().out


def test_what_training_would_refuse_of_captions_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shapes(tmp_path / "shapes", a="a plain shape", b="screenshot (windows:3.1.1), a shape")
    code, told = checked(folder, capsys, "--template", "subject_filewords")
    assert code == 2
    assert "b.txt: The weight '3.1.1' in the prompt" in told
    assert checked(folder, capsys, "--template", "subject")[0] == 0, "captions are not used there"


def test_brackets_sides_and_shared_captions_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shapes(
        tmp_path / "shapes",
        a="1girl, :(, rain",
        b="hatsune miku (vocaloid), smile",
        c="a view (ratio 16:9)",
        d="looking left",
    )
    Image.new("RGB", (64, 64), (9, 9, 200)).save(folder / "d.jpg")
    Image.new("RGB", (64, 64), (9, 99, 200)).save(folder / "3d render.png")
    code, told = checked(folder, capsys, "--template", "subject_filewords")
    assert code == 0
    assert "all that follows, the embedding too" in told
    assert "outside of 0.3 to 2, which was hardly meant: c.txt." in told
    assert "where they belong to the words: b.txt." in told
    assert "which is wrong of a mirrored copy: d.jpg, d.png." in told
    assert "d.txt is the caption of 2 pictures: d.jpg, d.png." in told
    assert "are missing in the captions of: 3d render.png." in told


def test_a_template_of_captions_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shapes(tmp_path / "shapes", a="a shape", b="my-cat on a shape")
    (tmp_path / "words.txt").write_text("[filewords]")
    words = ["--template", str(tmp_path / "words.txt")]
    assert "the embedding's name is not known here" in checked(folder, capsys, *words)[1]
    assert (
        "1 of 2 pictures have none that holds 'my-cat': a.txt."
        in checked(folder, capsys, *words, "--name", "my-cat")[1]
    )
    code, told = checked(folder, capsys, *words, "--name", "other")
    assert code == 2
    assert "Nothing would be learned" in told


def test_misspelt_placeholders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shapes(tmp_path / "shapes", a="a shape")
    (tmp_path / "words.txt").write_text("[name], [fileword]\n{name} in the rain, [name]")
    told = checked(folder, capsys, "--template", str(tmp_path / "words.txt"))[1]
    assert "[fileword] (filled in is [filewords]), {name} (filled in is [name])" in told

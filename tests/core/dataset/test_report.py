from __future__ import annotations

import time
from pathlib import Path

import pytest
from PIL import Image

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.dataset.decode import decoded
from textual_inversion.core.dataset.finding import Finding
from textual_inversion.core.dataset.report import DatasetReport, ReportInput, advised_vectors, report
from textual_inversion.core.dataset.survey import survey
from textual_inversion.core.dataset.templates import load_template
from textual_inversion.core.settings.train_config import TrainConfig


def settings(folder: Path) -> TrainConfig:
    return TrainConfig(data=(str(folder),), width=64, height=64)


def picture(
    folder: Path, name: str, size: tuple[int, int] = (64, 64), *, colour: int = 0, caption: str | None = None
) -> Path:
    path = folder / name
    Image.new("RGB", size, (colour, 90, 30)).save(path)
    if caption is not None:
        path.with_suffix(".txt").write_text(caption)
    return path


def looked_at(folder: Path, prompt: str | None = None, **known: object) -> DatasetReport:
    template = None
    if prompt is not None:
        (folder / "prompts").mkdir(exist_ok=True)
        (folder / "prompts" / "mine.txt").write_text(prompt)
        template = load_template("mine", [folder / "prompts"], name="NAME")
    found = survey(settings(folder), whole=True)
    return report(ReportInput(survey=found, template=template, count_tokens=lambda text: len(text.split()), **known))


def kinds(found: DatasetReport) -> list[str]:
    return [finding.kind for finding in found.findings]


def test_count_sizes_and_captions(tmp_path: Path) -> None:
    for index in range(6):
        picture(tmp_path, f"{index}.png", colour=index, caption="a cat" if index else "")
    found = looked_at(tmp_path)
    assert (found.pictures, found.captions, found.sizes) == (6, 5, {"64x64": 6})
    assert found.summary == "6 pictures (64x64), 5 with captions."
    assert kinds(found) == []
    assert found.to_mapping()["sizes"] == {"64x64": 6}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif"])
def test_files_that_training_would_refuse_are_problems(tmp_path: Path, suffix: str) -> None:
    good = picture(tmp_path, f"good{suffix}", (200, 200))
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(good.read_bytes()[: len(good.read_bytes()) // 2])
    (tmp_path / f"text{suffix}").write_text("no picture")
    found = looked_at(tmp_path)
    assert found.pictures == 1
    assert len(found.problems) == 2
    assert all("cannot be read as a picture" in problem for problem in found.problems)
    whole = list(decoded(survey(settings(tmp_path)).items, settings(tmp_path)))
    quick = survey(settings(tmp_path)).problems
    assert len(quick) + sum(isinstance(each, InputError) for each in whole) == 2, "training refuses the same ones"


def test_a_closer_look_finds_what_decoding_finds(tmp_path: Path) -> None:
    picture(tmp_path, "a man.png", (100, 50))
    picture(tmp_path, "b.jpg", (300, 500), caption="cat")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (120, 80)).save(tmp_path / "turned.jpg", exif=exif)
    Image.new("RGBA", (90, 90), (9, 9, 9, 60)).save(tmp_path / "clear.png")
    Image.new("RGBA", (90, 90), (9, 9, 9, 255)).save(tmp_path / "opaque.png")
    closer, quick = survey(settings(tmp_path), whole=True), survey(settings(tmp_path))
    assert [picture.item for picture in decoded(quick.items, settings(tmp_path))] == list(closer.items)
    assert [item.size for item in quick.items] == [item.size for item in closer.items]
    from_name = {item.path.name for item in quick.items if item.caption_file is None}
    assert from_name == {"a man.png", "turned.jpg", "clear.png", "opaque.png"}


def test_the_same_file_twice(tmp_path: Path) -> None:
    for index in range(6):
        picture(tmp_path, f"{index}.png", colour=index)
    (tmp_path / "copy.png").write_bytes((tmp_path / "3.png").read_bytes())
    (duplicate,) = [finding for finding in looked_at(tmp_path).findings if finding.kind == "duplicate"]
    assert [Path(file).name for file in duplicate.files] == ["3.png", "copy.png"]
    assert duplicate.message == "The same file 2 times, so it counts as often: 3.png, copy.png."


def test_few_pictures_and_many_vectors(tmp_path: Path) -> None:
    picture(tmp_path, "0.png")
    found = looked_at(tmp_path, vectors=8)
    assert kinds(found) == ["few", "vectors"]
    assert "8 vectors are many for 1 picture: 2 to 3 are advised" in found.findings[1].message
    assert kinds(looked_at(tmp_path, vectors=8, pair=True)) == []  # a pair is meant for one picture


def test_captions_against_the_template(tmp_path: Path) -> None:
    for index in range(5):
        picture(tmp_path, f"{index}.png", colour=index, caption="a cat on a mat")
    picture(tmp_path, "5.png", colour=9)
    assert kinds(looked_at(tmp_path, "a photo of [name]")) == ["caption-unused"]
    found = looked_at(tmp_path, "[filewords] by [name]")
    assert kinds(found) == ["caption-missing"]
    assert [Path(file).name for file in found.findings[0].files] == ["5.png"]


def test_prompts_of_more_than_75_tokens(tmp_path: Path) -> None:
    """70 words, 3 around them and the vectors: 75 are just right, 76 are not."""
    for index in range(5):
        picture(tmp_path, f"{index}.png", colour=index, caption=" ".join(["cat"] * 70))
    prompt = "art of [filewords] by [name]"
    assert kinds(looked_at(tmp_path, prompt, vectors=2)) == []
    (long,) = looked_at(tmp_path, prompt, vectors=3).findings
    assert long.kind == "prompt-long"
    assert "(up to 76)" in long.message
    assert len(long.files) == 5


def test_others_can_add_their_own_checks(tmp_path: Path) -> None:
    picture(tmp_path, "0.png")
    mine = Finding(kind="blurred", message="Not sharp: 0.png.", files=("0.png",))
    found = report(
        ReportInput(survey=survey(settings(tmp_path), whole=True)), more=[lambda material: [mine] * len(material.items)]
    )
    assert found.findings[-1] == mine


def test_many_pictures_are_quick(tmp_path: Path) -> None:
    first = tmp_path / "000.jpg"
    Image.radial_gradient("L").resize((1024, 1024)).convert("RGB").save(first)
    for index in range(1, 100):
        (tmp_path / f"{index:03}.jpg").write_bytes(first.read_bytes() + bytes(index))
    began = time.process_time()
    assert looked_at(tmp_path).pictures == 100
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("pictures", "vectors"), [(1, (2, 3)), (10, (2, 3)), (11, (5, 6)), (45, (8, 10)), (100, (10, 12)), (101, (12, 16))]
)
def test_vectors_for_pictures(pictures: int, vectors: tuple[int, int]) -> None:
    assert advised_vectors(pictures) == vectors


def test_pictures_that_cannot_be_used_are_counted(tmp_path: Path) -> None:
    for index in range(6):
        picture(tmp_path, f"{index}.png", colour=index)
    (tmp_path / "bad.png").write_bytes(b"nothing")
    assert looked_at(tmp_path).summary == "6 of 7 pictures (64x64), 0 with captions."

"""One rule for which text file belongs to a picture, held for all four that read captions."""

from __future__ import annotations

import time
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from textual_inversion.core.dataset.caption_files import CaptionFiles
from textual_inversion.core.dataset.find import find_pictures
from textual_inversion.core.dataset.survey import survey
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.prepare.captions.local_models import LocalModels
from textual_inversion.prepare.crop.job import prepare
from textual_inversion.prepare.folder.training_folder import TrainingFolder
from textual_inversion.prepare.settings import PrepareSettings

COMPOSED, APART = unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")


def settings(folder: Path) -> TrainConfig:
    return TrainConfig(data=(str(folder),), width=64, height=64)


def fill(folder: Path, picture: str, texts: dict[str, str]) -> Path:
    folder.mkdir()
    Image.new("RGB", (64, 64), (9, 90, 9)).save(folder / "x.png")
    (folder / "x.png").rename(folder / picture)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("picture", "texts", "expected"),
    [
        ("F.PNG", {"f.txt": "stem"}, "stem"),
        ("g.png", {"g.Txt": "ending"}, "ending"),
        ("e.png", {"e.caption": "kohya"}, "kohya"),
        ("e.png", {"E.Caption": "kohya"}, "kohya"),
        ("d.png", {"d.png.txt": "tagger"}, "tagger"),
        ("d.PNG", {"d.png.TXT": "tagger"}, "tagger"),
        ("d.png", {"d.png.caption": "both"}, "both"),
        ("a.png", {"a.caption": "kohya", "a.txt": "a1111", "a.png.txt": "tagger"}, "a1111"),
        ("a.png", {"a.caption": "kohya", "a.png.txt": "tagger"}, "kohya"),
        ("a.png", {"A.txt": "other case", "a.txt": "mine"}, "mine"),
        ("A.png", {"a.txt": "other case", "A.txt": "mine"}, "mine"),
        (f"{APART}.png", {f"{COMPOSED}.txt": "accents"}, "accents"),
        (f"{COMPOSED}.png", {f"{APART.upper()}.TXT": "accents"}, "accents"),
        ("v1.5 cat.png", {"v1.5 cat.txt": "dots", "v1.txt": "no"}, "dots"),
        ("n.png", {"n.txt.bak": "no", ".n.txt": "no", "nn.txt": "no"}, "n"),
        ("b.png", {"b.txt": ""}, ""),
    ],
)
def test_editor_check_preprocess_and_training_read_the_same(
    tmp_path: Path, picture: str, texts: dict[str, str], expected: str
) -> None:
    folder = fill(tmp_path / "source", picture, texts)
    trained, checked = (survey(settings(folder), whole=whole).items[0] for whole in (False, True))
    (edited,) = TrainingFolder(folder).pictures()
    assert (trained.caption, checked.caption, edited.caption) == (expected,) * 3
    assert trained.caption_file == checked.caption_file
    assert edited.written == (trained.caption_file is not None)
    done = tmp_path / "done"
    prepare(
        PrepareSettings(source=str(folder), destination=str(done), width=64, height=64),
        LocalModels(tmp_path, device=None),
    )
    copies = [path.read_text() for path in done.glob("*.txt")]
    assert copies == ([expected] if edited.written and expected else [])


@pytest.mark.parametrize("text", ["f.caption", "F.TXT", "f.png.txt"])
def test_an_edit_goes_into_the_file_that_is_read(tmp_path: Path, text: str) -> None:
    folder = fill(tmp_path / "source", "f.png", {text: "before"})
    TrainingFolder(folder).write("An edit", {"f.png": "after"})
    assert (folder / text).read_text() == "after"
    assert survey(settings(folder)).items[0].caption == "after"
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == {"f.png", text}


def test_captions_that_are_not_read_are_told_once_by_name(tmp_path: Path) -> None:
    folder = fill(tmp_path / "source", "a.png", {"a.txt": "a", "a.caption": "b", "A.TXT": "c", "stray.txt": "d"})
    assert find_pictures([folder]).notes == (
        "Captions that are not read, as another file beside the picture goes before them: A.TXT, a.caption.",
    )
    Image.new("RGB", (64, 64)).save(folder / "b.png")
    assert find_pictures([folder]).notes[-1] == (
        "Texts that are the caption of no picture here, while some pictures have none: stray.txt."
    )


def test_many_files_are_quick() -> None:
    files = [Path("folder", f"{index}.{ending}") for index in range(30_000) for ending in ("png", "txt", "caption")]
    pictures = files[::3]
    began = time.process_time()
    captions = CaptionFiles(files)
    assert [captions.of(picture) for picture in pictures] == files[1::3]
    assert captions.not_read(pictures) == tuple(files[2::3])
    assert captions.without_picture(pictures) == ()
    assert time.process_time() - began < 6

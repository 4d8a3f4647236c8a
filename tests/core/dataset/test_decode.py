"""A folder of pictures from its headers to pixels, words and weights."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.dataset import decode as decoding
from textual_inversion.core.dataset.decode import DecodedPicture, decoded
from textual_inversion.core.dataset.items import Dataset
from textual_inversion.core.dataset.survey import survey
from textual_inversion.core.loss.batches import BatchPlan
from textual_inversion.core.settings.train_config import TrainConfig


def save(path: Path, size: tuple[int, int] = (64, 64), colour: Any = (255, 0, 0), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def half_mask(path: Path, size: tuple[int, int] = (64, 64)) -> None:
    mask = Image.new("L", size, 0)
    mask.paste(255, (0, 0, size[0] // 2, size[1]))
    mask.save(path)


def settings(folder: Path | str, **changes: Any) -> TrainConfig:
    return TrainConfig(data=(str(folder),), **{"width": 64, "height": 64, **changes})


def found(folder: Path | str, **changes: Any) -> Dataset:
    """As the headers tell."""
    config = settings(folder, **changes)
    return survey(config).dataset(flip=config.flip)


def read(folder: Path | str, **changes: Any) -> list[DecodedPicture | InputError]:
    return list(decoded(found(folder, **changes).items, settings(folder, **changes)))


def pictures(folder: Path | str, **changes: Any) -> list[DecodedPicture]:
    every = read(folder, **changes)
    assert not [each for each in every if isinstance(each, InputError)]
    return every  # type: ignore[return-value]


def weights(picture: DecodedPicture) -> torch.Tensor:
    assert picture.weights is not None
    return picture.weights


def test_captions_and_sizes_are_known_from_headers(tmp_path: Path) -> None:
    save(tmp_path / "01-a red cat.png", (100, 80))
    save(tmp_path / "02.jpg", (64, 64))
    (tmp_path / "02.txt").write_text("second, one\n")
    dataset = found(tmp_path, filename_regex=r"\w+", filename_join=", ")
    assert [item.caption for item in dataset.items] == ["a, red, cat", "second, one"]
    assert [item.size for item in dataset.items] == [(64, 64), (64, 64)]
    assert [item.repeats for item in dataset.items] == [1, 1]
    assert dataset.notes == ()


def test_pixels_run_from_minus_one_to_one(tmp_path: Path) -> None:
    save(tmp_path / "a.png", (100, 80))
    (picture,) = pictures(tmp_path)
    assert (tuple(picture.pixels().shape), picture.pixels()[:, 5, 5].tolist()) == ((3, 64, 64), [1.0, -1.0, -1.0])


def test_buckets_make_the_groups_of_batches(tmp_path: Path) -> None:
    for index, size in enumerate([(100, 100), (200, 100), (210, 100), (100, 200)]):
        save(tmp_path / f"{index}.png", size)
    every = pictures(tmp_path, fit="buckets")
    groups = [picture.item.size for picture in every]
    assert len(set(groups)) == 3
    assert groups[1] == groups[2]
    assert all(tuple(picture.pixels().shape) == (3, *reversed(picture.item.size)) for picture in every)
    plan = BatchPlan(groups=groups, batch_size=2)
    assert {tuple(sorted(set(plan.batch(step)))) for step in range(8)} == {(0,), (1, 2), (3,)}


def test_repeats_and_mirrored_copies(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        image.paste((0, 0, 255), (0, 0, 32, 64))
        image.save(tmp_path / "a.png")
    half_mask(tmp_path / "a_mask.png")
    plain, mirrored = pictures(f"{tmp_path}*3", flip=True, masks=True)
    assert [each.item.repeats for each in (plain, mirrored)] == [3, 3]
    assert [each.item.mirrored for each in (plain, mirrored)] == [False, True]
    assert torch.equal(plain.pixels().flip(-1), mirrored.pixels())
    assert torch.equal(weights(plain).flip(-1), weights(mirrored))
    assert weights(plain)[0].tolist() == [2.0] * 4 + [0.0] * 4


def _half_clear(path: Path) -> None:
    save(path, colour=(0, 255, 0, 255), mode="RGBA")
    with Image.open(path) as image:
        image.paste((0, 255, 0, 0), (0, 0, 32, 64))
        image.save(path)


def test_alpha_counts_only_when_asked(tmp_path: Path) -> None:
    save(tmp_path / "a.png", colour=(255, 0, 0, 255), mode="RGBA")
    _half_clear(tmp_path / "b.png")
    assert [picture.weights for picture in pictures(tmp_path)] == [None, None]
    opaque, cut = pictures(tmp_path, alpha_weight=True, mask_floor=0.0)
    assert opaque.weights is None
    assert weights(cut)[3].tolist() == [0.0] * 4 + [2.0] * 4
    assert cut.pixels()[:, 5, 5].tolist() == [-1.0, 1.0, -1.0]


def test_only_pixels_tell_what_is_transparent(tmp_path: Path) -> None:
    save(tmp_path / "a.png", colour=(255, 0, 0, 255), mode="RGBA")
    _half_clear(tmp_path / "b.png")
    save(tmp_path / "c.png")
    assert [item.transparent for item in found(tmp_path).items] == [None, None, False]
    assert [picture.item.transparent for picture in pictures(tmp_path)] == [False, True, False]
    assert found(tmp_path).notes == ()
    closer = survey(settings(tmp_path), whole=True)
    assert closer.notes == ("With transparent parts, whose stored colours are trained as well: b.png.",)


def test_a_mask_is_cut_like_its_picture(tmp_path: Path) -> None:
    save(tmp_path / "a.png", (128, 64))
    half_mask(tmp_path / "a_mask.png", (256, 128))
    (picture,) = pictures(tmp_path, masks=True)
    assert picture.item.box == (32, 0, 96, 64)
    assert weights(picture)[0].tolist() == [2.0] * 4 + [0.0] * 4


def test_a_mask_drawn_in_the_transparency_of_a_plain_layer(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    save(tmp_path / "a_mask.png", colour=(255, 255, 255, 255), mode="RGBA")
    with Image.open(tmp_path / "a_mask.png") as image:
        image.paste((255, 255, 255, 0), (0, 0, 32, 64))
        image.save(tmp_path / "a_mask.png")
    (picture,) = pictures(tmp_path, masks=True)
    assert weights(picture)[0].tolist() == [0.0] * 4 + [2.0] * 4


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2])


def test_what_headers_tell_is_named_at_once(tmp_path: Path) -> None:
    for name in ("good", "text", "tiny"):
        save(tmp_path / f"{name}.png", (7, 90) if name == "tiny" else (64, 64))
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    (tmp_path / "text.txt").write_bytes(b"\0\0")
    with pytest.raises(InputError) as caught:
        found(tmp_path, fit="none")
    first, *rest = caught.value.message.splitlines()
    assert first == "4 of 5 pictures cannot be used:"
    for line, words in zip(
        rest,
        [
            "broken.jpg cannot be read as a picture",
            "photo.heic cannot be read as a picture: it is a HEIC picture, which needs pillow-heif (pip install pillow-heif). Or",
            "text.txt is not a text file",
            "tiny.png is too small to train on: 7 x 90 pixels.",
        ],
        strict=True,
    ):
        assert words in line
    assert caught.value.field == "data"


def test_what_only_decoding_finds_comes_in_place_of_its_pictures(tmp_path: Path) -> None:
    for name in ("cut", "good", "masked", "odd"):
        save(tmp_path / f"{name}.jpg", (300, 300))
    _half(tmp_path / "cut.jpg")
    save(tmp_path / "masked_mask.png", colour=0, mode="L")
    save(tmp_path / "odd_mask.png", (64, 32), colour=255, mode="L")
    cut, good, mirrored, masked, odd = read(tmp_path, masks=True, flip=True)
    assert isinstance(good, DecodedPicture)
    assert isinstance(mirrored, DecodedPicture)
    for problem, words in [
        (cut, "cut.jpg cannot be read as a picture"),
        (masked, "masked_mask.png is black"),
        (odd, "odd_mask.png has 64 x 32 pixels"),
    ]:
        assert isinstance(problem, InputError)
        assert words in problem.message


def test_every_file_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(20):
        save(tmp_path / f"{index}.png", mode="RGBA")
        half_mask(tmp_path / f"{index}_mask.png")
    opened: Counter[str] = Counter()
    original = decoding.open_picture

    def counting(path: Path) -> object:
        opened[path.name] += 1
        return original(path)

    monkeypatch.setattr(decoding, "open_picture", counting)
    every = pictures(tmp_path, masks=True, flip=True)
    assert [picture.item.path.name for picture in every] == [f"{index}.png" for index in range(20) for _ in "ab"]
    assert set(opened.values()) == {1}
    assert len(opened) == 40


def test_pictures_are_decoded_only_a_few_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(30):
        save(tmp_path / f"{index}.png")
    opened: list[Path] = []
    original = decoding.open_picture
    monkeypatch.setattr(decoding, "open_picture", lambda path: opened.append(path) or original(path))
    stream = decoded(found(tmp_path).items, settings(tmp_path))
    next(stream)
    stream.close()
    assert len(opened) <= 9


def test_a_picture_turned_behind_its_pixels_is_taken_as_it_is(tmp_path: Path) -> None:
    """Programs may write a PNG's EXIF after its pixels, which a header does not tell."""
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "a.png", (64, 96))
    with Image.open(tmp_path / "a.png") as image:
        image.save(tmp_path / "a.png", exif=exif)
    content = (tmp_path / "a.png").read_bytes()
    start = content.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(content[start : start + 4], "big")
    moved = content[:start] + content[end:-12] + content[start:end] + content[-12:]
    (tmp_path / "a.png").write_bytes(moved)
    assert found(tmp_path, fit="none").items[0].size == (64, 96)
    (picture,) = pictures(tmp_path, fit="none")
    assert picture.item.size == picture.item.source_size == (96, 64)
    assert tuple(picture.pixels().shape) == (3, 64, 96)


def test_a_long_list_of_problems_is_cut(tmp_path: Path) -> None:
    for index in range(25):
        (tmp_path / f"{index}.png").write_bytes(b"x")
    with pytest.raises(InputError, match="25 of 25 pictures cannot be used") as caught:
        found(tmp_path)
    assert caught.value.message.splitlines()[-1] == "… and 5 more"


def test_one_problem_is_one_sentence(tmp_path: Path) -> None:
    save(tmp_path / "tiny.png", (7, 90))
    with pytest.raises(InputError, match=r"^.*tiny\.png is too small to train on: 7 x 90 pixels\.$"):
        found(tmp_path, fit="none")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 128}, "Smaller than the training size, so enlarged: a.png."),
        ({"alpha_weight": True}, "No picture has an alpha channel"),
        ({"masks": True}, "There are no mask files. They are named NAME_mask.png"),
    ],
)
def test_notes(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    save(tmp_path / "a.png")
    (note,) = found(tmp_path, **options).notes
    assert note.startswith(words)


def test_unused_masks_are_mentioned(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    half_mask(tmp_path / "a_att.png")
    assert found(tmp_path).notes == ("There are mask files, which are not used, for: a.png.",)


def test_a_bad_regex_is_told_before_anything_else(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    with pytest.raises(InputError, match="is not a regular expression") as caught:
        found(tmp_path, filename_regex="(")
    assert caught.value.field == "filename_regex"

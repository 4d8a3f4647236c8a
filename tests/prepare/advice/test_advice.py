"""Each piece of advice has one made folder that triggers it and one that does not."""

from __future__ import annotations

import numpy as np
import pytest
from mixed_files import scene
from PIL import Image, ImageDraw, ImageFont

from textual_inversion.prepare.advice.check import check_folder

SIZE = (240, 240)


def different(number):
    return scene(SIZE, number + 1)


def one_wall(number):
    """Different things before the same wall."""
    image = Image.new("RGB", SIZE, (225, 220, 210))
    image.paste(scene((110, 110), number + 1), (65, 65))
    return image


def one_motif(number):
    """The same picture, a little nearer each time: more alike than a crop should be, less than a copy."""
    left = 4 * number
    image = scene((300, 300), 5).crop((left, left, 300 - left // 2, 300 - left)).resize(SIZE)
    ImageDraw.Draw(image).ellipse((20 * number + 40, 90, 20 * number + 100, 150), fill=(255, 255, 255))
    return image


def marked(number):
    """Different pictures with one watermark in the corner."""
    image = scene(SIZE, number + 1)
    ImageDraw.Draw(image).text((150, 205), "@someone", fill=(255, 255, 255), font=ImageFont.load_default(17))
    return image


def lettered(number):
    image = Image.new("RGB", SIZE, (200, 190, 180))
    if number == 2:
        text = "lorem ipsum dolor sit amet illi"
        ImageDraw.Draw(image).text((8, 40), text, fill=(10, 10, 10), font=ImageFont.load_default(15))
    return Image.blend(image, scene(SIZE, number + 1), 0.15)


def striped(number):
    """Fine stripes and noise all over are no text."""
    values = np.zeros((*SIZE, 3), dtype=np.uint8)
    values[:, :: 3 + number] = 255
    if number % 2:
        values = np.random.default_rng(number).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    return Image.blend(Image.fromarray(values), scene(SIZE, number + 1), 0.5)


def copies(number):
    image = scene(SIZE, 1 + number // 2)
    return image.resize((200, 200)).crop((2, 2, 200, 200)) if number % 2 else image


def kinds(folder, draw, *, count=6, captions=None, learned="", **options):
    for number in range(count):
        draw(number).save(folder / f"{number}.png")
        if captions is not None:
            (folder / f"{number}.txt").write_text(captions(number))
    report = check_folder(str(folder), width=64, height=64, learned=learned, **options)
    assert report.pictures == count
    return {finding.kind for finding in report.findings} - {"note"}


@pytest.mark.parametrize(
    ("kind", "draw"),
    [
        ("background", one_wall),
        ("alike", one_motif),
        ("watermark", marked),
        ("text", lettered),
        ("near-duplicate", copies),
    ],
)
def test_pictures(source, kind, draw):
    assert kind in kinds(source, draw)


@pytest.mark.parametrize("draw", [different, striped])
def test_pictures_that_are_all_right(source, draw):
    assert kinds(source, draw) == set()


def test_one_wall_is_not_one_motif(source):
    assert kinds(source, one_wall) == {"background"}


@pytest.mark.parametrize(("count", "few"), [(4, True), (5, False)])
def test_few(source, count, few):
    assert ("few" in kinds(source, different, count=count)) == few


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("a cat on a sofa, number {n}", True),
        ("a Cat {n}", True),
        ("a category of {n}", False),
        ("on a sofa {n}", False),
    ],
)
def test_captions_that_describe_what_is_to_be_learned(source, caption, found):
    words = kinds(source, different, captions=lambda n: caption.format(n=n), learned="a cat")
    assert ("described" in words) == found


def test_tags_in_every_caption(source, tmp_path):
    assert "always-named" in kinds(source, different, captions=lambda n: f"black t-shirt, number {n}")
    other = tmp_path / "other"
    other.mkdir()
    assert kinds(other, different, captions=lambda n: f"shirt {n}, number {n}") == set()


def test_sizes_below_the_training_size(source):
    different(1).resize((40, 40)).save(source / "small.png")
    (finding,) = [f for f in check_folder(str(source), width=64, height=64).findings if "Smaller" in f.message]
    assert "small.png" in finding.message


def test_long_captions(source):
    def count(text):
        return len(text.split())

    from textual_inversion.core.dataset.templates import shipped_templates_dir

    for words, found in ((90, True), (20, False)):
        told = kinds(
            source,
            different,
            captions=lambda n, words=words: f"{n} " * words,
            count_tokens=count,
            template="subject_filewords.txt",
            template_dirs=[shipped_templates_dir()],
        )
        assert ("prompt-long" in told) == found

import pytest
import torch
from PIL import Image

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.dataset.load import Dataset, DatasetOptions, load_dataset
from textual_inversion.core.loss.batches import BatchPlan


def save(path, size=(64, 64), colour=(255, 0, 0), mode="RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def half_mask(path, size=(64, 64)) -> None:
    mask = Image.new("L", size, 0)
    mask.paste(255, (0, 0, size[0] // 2, size[1]))
    mask.save(path)


def load(folder, *, recursive=False, **options) -> Dataset:
    return load_dataset([folder], DatasetOptions(**{"width": 64, "height": 64, **options}), recursive=recursive)


def test_pictures_captions_and_sizes(tmp_path):
    save(tmp_path / "01-a red cat.png", (100, 80))
    save(tmp_path / "02.jpg", (64, 64))
    (tmp_path / "02.txt").write_text("second, one\n")
    dataset = load(tmp_path, filename_regex=r"\w+", filename_join=", ")
    assert [item.caption for item in dataset.items] == ["a, red, cat", "second, one"]
    assert (dataset.groups, dataset.repeats, dataset.notes) == (((64, 64), (64, 64)), (1, 1), ())
    pixels = dataset.items[0].pixels()
    assert (tuple(pixels.shape), pixels[:, 5, 5].tolist()) == ((3, 64, 64), [1.0, -1.0, -1.0])


def test_buckets_make_the_groups_of_batches(tmp_path):
    for index, size in enumerate([(100, 100), (200, 100), (210, 100), (100, 200)]):
        save(tmp_path / f"{index}.png", size)
    dataset = load(tmp_path, fit="buckets")
    assert len(set(dataset.groups)) == 3
    assert dataset.groups[1] == dataset.groups[2]
    assert all(tuple(item.pixels().shape) == (3, *reversed(item.size)) for item in dataset.items)
    plan = BatchPlan(groups=dataset.groups, repeats=dataset.repeats, batch_size=2)
    assert {tuple(sorted(set(plan.batch(step)))) for step in range(8)} == {(0,), (1, 2), (3,)}


def test_repeats_and_mirrored_copies(tmp_path):
    save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        image.paste((0, 0, 255), (0, 0, 32, 64))
        image.save(tmp_path / "a.png")
    half_mask(tmp_path / "a_mask.png")
    dataset = load(f"{tmp_path}*3", flip=True, masks=True)
    plain, mirrored = dataset.items
    assert dataset.repeats == (3, 3)
    assert torch.equal(plain.pixels().flip(-1), mirrored.pixels())
    assert torch.equal(plain.weights.flip(-1), mirrored.weights)
    assert plain.weights[0].tolist() == [2.0] * 4 + [0.0] * 4


def test_alpha_counts_only_when_asked(tmp_path):
    save(tmp_path / "a.png", colour=(255, 0, 0, 255), mode="RGBA")
    save(tmp_path / "b.png", colour=(0, 255, 0, 255), mode="RGBA")
    with Image.open(tmp_path / "b.png") as image:
        image.paste((0, 255, 0, 0), (0, 0, 32, 64))
        image.save(tmp_path / "b.png")
    assert [item.weights for item in load(tmp_path).items] == [None, None]
    assert load(tmp_path).notes == ("With transparent parts, whose stored colours are trained as well: b.png.",)
    opaque, cut = load(tmp_path, alpha_weight=True, mask_floor=0.0).items
    assert opaque.weights is None
    assert cut.weights[3].tolist() == [0.0] * 4 + [2.0] * 4
    assert cut.pixels()[:, 5, 5].tolist() == [-1.0, 1.0, -1.0]


def test_a_mask_is_cut_like_its_picture(tmp_path):
    save(tmp_path / "a.png", (128, 64))
    half_mask(tmp_path / "a_mask.png", (256, 128))
    (item,) = load(tmp_path, masks=True).items
    assert item.box == (32, 0, 96, 64)
    assert item.weights[0].tolist() == [2.0] * 4 + [0.0] * 4


def test_a_mask_drawn_in_the_transparency_of_a_plain_layer(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "a_mask.png", colour=(255, 255, 255, 255), mode="RGBA")
    with Image.open(tmp_path / "a_mask.png") as image:
        image.paste((255, 255, 255, 0), (0, 0, 32, 64))
        image.save(tmp_path / "a_mask.png")
    assert load(tmp_path, masks=True).items[0].weights[0].tolist() == [0.0] * 4 + [2.0] * 4


def test_everything_that_is_wrong_is_named_at_once(tmp_path):
    for name in ("good", "masked", "odd", "text", "heic"):
        save(tmp_path / f"{name}.png")
    (tmp_path / "heic.png").rename(tmp_path / "photo.heic")
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    save(tmp_path / "masked_mask.png", colour=0, mode="L")
    save(tmp_path / "odd_mask.png", (64, 32), colour=255, mode="L")
    (tmp_path / "text.txt").write_bytes(b"\0\0")
    with pytest.raises(InputError) as caught:
        load(tmp_path, masks=True)
    first, *rest = caught.value.message.splitlines()
    assert first == "5 of 6 pictures cannot be used:"
    for line, words in zip(
        rest,
        [
            "broken.jpg cannot be read as a picture",
            "masked_mask.png is black",
            "odd_mask.png has 64 x 32 pixels",
            "photo.heic cannot be read as a picture: it is a HEIC picture, which needs pillow-heif (pip install pillow-heif). Or",
            "text.txt is not a text file",
        ],
        strict=True,
    ):
        assert words in line
    assert caught.value.field == "data"


def test_a_long_list_of_problems_is_cut(tmp_path):
    for index in range(25):
        (tmp_path / f"{index}.png").write_bytes(b"x")
    with pytest.raises(InputError, match="25 of 25 pictures cannot be used") as caught:
        load(tmp_path)
    assert caught.value.message.splitlines()[-1] == "… and 5 more"


def test_one_problem_is_one_sentence(tmp_path):
    save(tmp_path / "tiny.png", (7, 90))
    with pytest.raises(InputError, match=r"^.*tiny\.png is too small to train on: 7 x 90 pixels\.$"):
        load(tmp_path, fit="none")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 128}, "Smaller than the training size, so enlarged: a.png."),
        ({"alpha_weight": True}, "No picture has an alpha channel"),
        ({"masks": True}, "There are no mask files. They are named NAME_mask.png"),
    ],
)
def test_notes(tmp_path, options, words):
    save(tmp_path / "a.png")
    (note,) = load(tmp_path, **options).notes
    assert note.startswith(words)


def test_unused_masks_are_mentioned(tmp_path):
    save(tmp_path / "a.png")
    half_mask(tmp_path / "a_att.png")
    assert load(tmp_path).notes == ("There are mask files, which are not used, for: a.png.",)


def test_a_picture_that_changed_later_is_noticed(tmp_path):
    save(tmp_path / "a.png")
    (item,) = load(tmp_path).items
    save(tmp_path / "a.png", (64, 65))
    with pytest.raises(InputError, match=r"a\.png has changed since it was first read"):
        item.pixels()


def test_a_bad_regex_is_told_before_anything_else(tmp_path):
    save(tmp_path / "a.png")
    with pytest.raises(InputError, match="is not a regular expression") as caught:
        load(tmp_path, filename_regex="(")
    assert caught.value.field == "filename_regex"


def test_progress_is_told_and_may_stop(tmp_path):
    for name in "abc":
        save(tmp_path / f"{name}.png")
    told = []
    load_dataset([tmp_path], DatasetOptions(width=64, height=64), on_progress=lambda *done: told.append(done))
    assert told == [(1, 3), (2, 3), (3, 3)]

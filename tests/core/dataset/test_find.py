from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.dataset.find import FolderSpec, find_pictures, natural_key, parse_folder
from textual_inversion.prepare.folder.sources import find_sources


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def names(folder, **options) -> list[str]:
    return [picture.path.name for picture in find_pictures([folder], **options).pictures]


@pytest.mark.parametrize(
    ("text", "path", "repeats"),
    [("cats", "cats", 1), ("cats*3", "cats", 3), (" 'a b' * 12 ", "a b", 12), ('"a b"*2', "a b", 2), ("a*b", "a*b", 1)],
)  # fmt: skip
def test_repeats_are_written_behind_the_folder(text, path, repeats):
    assert parse_folder(text) == FolderSpec(path=Path(path), repeats=repeats)


@pytest.mark.parametrize("text", ["cats*0", "cats*10001"])
def test_impossible_repeats(text):
    with pytest.raises(InputError, match="the repeats must be between 1 and 10000") as caught:
        parse_folder(text)
    assert caught.value.field == "data"


def test_pictures_come_in_natural_order_whatever_their_case(tmp_path):
    fill(tmp_path, "10.png", "9.PNG", "b.jpg", "A.webp", "a2.JPeG", "a10.gif", ".hidden.png")
    assert names(tmp_path) == ["9.PNG", "10.png", "A.webp", "a2.JPeG", "a10.gif", "b.jpg"]


def test_folders_below_only_when_asked(tmp_path):
    fill(tmp_path, "b.png", "a/x.png", "a/b/y.png", ".trash/z.png")
    assert names(tmp_path) == ["b.png"]
    assert names(tmp_path, recursive=True) == ["y.png", "x.png", "b.png"]


def test_several_folders_keep_their_order_and_repeats(tmp_path):
    fill(tmp_path, "two/b.png", "one/a.png")
    found = find_pictures([f"{tmp_path / 'two'}*3", FolderSpec(path=tmp_path / "one")])
    assert [(picture.path.name, picture.repeats) for picture in found.pictures] == [("b.png", 3), ("a.png", 1)]


def test_companions_are_no_pictures_and_strangers_are_named(tmp_path):
    fill(tmp_path, "a.png", "a.txt", "a.json", "Thumbs.db", "movie.mp4", "b.zip", "old/c.png")
    found = find_pictures([tmp_path])
    assert [picture.path.name for picture in found.pictures] == ["a.png"]
    assert found.notes == (
        "Left out, because they are no pictures: b.zip, movie.mp4.", "Not looked into, as subfolders are not included: old.",
    )  # fmt: skip


def test_masks_belong_to_their_pictures(tmp_path):
    fill(tmp_path, "a.jpg", "a_mask.png", "B.png", "b_ATT.png", "c.png", "c-masklabel.png", "d.png", "_mask.png")
    found = find_pictures([tmp_path])
    assert {picture.path.name: picture.mask and picture.mask.name for picture in found.pictures} == {
        "a.jpg": "a_mask.png", "B.png": "b_ATT.png", "c.png": "c-masklabel.png", "d.png": None, "_mask.png": None,
    }  # fmt: skip
    assert found.notes == ()


def test_a_mask_without_a_picture_is_named(tmp_path):
    fill(tmp_path, "a.png", "carnival_mask.png", "deep/carnival.png")
    found = find_pictures([tmp_path], recursive=True)
    assert [picture.path.name for picture in found.pictures] == ["a.png", "carnival.png"]
    assert found.notes == (
        "Left out, because they are named like masks of pictures that are not there: carnival_mask.png.",
    )


def test_empty_and_missing_folders(tmp_path):
    fill(tmp_path, "deep/a.png")
    (tmp_path / "notes.txt").write_text("a note")
    for folders, words in [
        ([], "No dataset directory is given"),
        (["", "  "], "No dataset directory is given"),
        ([tmp_path / "nope"], "nope does not exist"),
        ([tmp_path / "notes.txt"], r"is a text \('a note'\); give a folder"),
        ([tmp_path], r"There are no pictures in .*\. There are some in folders below it: include subfolders\."),
    ]:
        with pytest.raises(InputError, match=words) as caught:
            find_pictures(folders)
        assert caught.value.field == "data"


def test_the_working_folder_is_a_folder(tmp_path, monkeypatch):
    fill(tmp_path, "a.png")
    monkeypatch.chdir(tmp_path)
    assert [str(picture.path) for picture in find_pictures(["."]).pictures] == ["a.png"]


@given(st.lists(st.text(alphabet="aB1200./_", min_size=1, max_size=8)))
def test_any_names_can_be_sorted_whatever_their_order_before(texts):
    paths = [Path(text) for text in texts]
    backwards = paths[::-1]
    assert sorted(paths, key=natural_key) == sorted(backwards, key=natural_key)


@pytest.mark.parametrize("folder", ["@eaDir", "@EADIR", "__MACOSX", ".thumbs", "#recycle", "$RECYCLE.BIN"])
def test_folders_of_storage_devices_are_passed_over(tmp_path, folder):
    fill(tmp_path, "a.png", f"{folder}/a.png/thumb.jpg", f"deep/{folder}/b.png", "deep/c.png", "eaDir/d.png")
    found = find_pictures([tmp_path], recursive=True)
    assert [picture.path.name for picture in found.pictures] == ["a.png", "c.png", "d.png"]
    assert [picture.path.name for picture in find_sources(tmp_path, recursive=True).pictures] == [
        "a.png",
        "c.png",
        "d.png",
    ]


def test_many_masks_alone_are_one_note(tmp_path):
    fill(tmp_path, "a.png", *(f"{index}_mask.png" for index in range(9)))
    (note,) = find_pictures([tmp_path]).notes
    assert note.endswith("not there: 0_mask.png, 1_mask.png, 2_mask.png, 3_mask.png, 4_mask.png and 4 more.")


@pytest.mark.parametrize(
    "form", ["'{}'", '"{}"', "\u202a{}\u202c", "file://{}", "{}/ ", "'{}'*3", '"{}" * 3', "file://{}*3"]
)
def test_pasted_folders(tmp_path, form):
    fill(tmp_path, "my cats/a.png")
    (picture,) = find_pictures([form.format(tmp_path / "my cats")]).pictures
    assert picture.repeats == (3 if form.endswith("3") else 1)


@pytest.mark.parametrize("text", ["https://example.org/a.png", "http://example.org/x*3"])
def test_addresses_are_no_folders(text):
    with pytest.raises(InputError, match="is an address on the web: download it, and give the folder"):
        find_pictures([text])


def test_what_lies_beside_is_told_once(tmp_path):
    fill(tmp_path, "a.png", "a.json", "b.png.yaml", "b.png", "c.png", "c.txt", "c.json", "notes.json")
    assert find_pictures([tmp_path]).notes == (
        "Beside pictures without a caption, and not read as one: a.json, b.png.yaml.",
    )


def test_subfolders_that_are_not_looked_into_are_told(tmp_path):
    fill(
        tmp_path,
        "a.png",
        "a.txt",
        "deep/b.png",
        "deep/b.txt",
        "texts/c.md",
        ".hidden/d.png",
        "@eaDir/e.png",
        "other/f.JPG",
        "other/f.txt",
    )
    assert find_pictures([tmp_path]).notes == ("Not looked into, as subfolders are not included: deep, other.",)
    assert find_pictures([tmp_path], recursive=True).notes == ()


def test_repeats_as_kohya_writes_them(tmp_path):
    fill(tmp_path, "10_cat/a.png", "2024-05/a.png", "1_cat/a.png")
    (note,) = find_pictures([tmp_path / "10_cat"]).notes
    assert note == "The 10 of '10_cat' is no number of repeats here, as it is for kohya: write 10_cat*10."
    for folder in (f"{tmp_path / '10_cat'}*10", tmp_path / "2024-05", tmp_path / "1_cat"):
        assert find_pictures([folder]).notes == ()

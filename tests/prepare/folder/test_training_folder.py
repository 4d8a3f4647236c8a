from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mixed_files import scene

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.dataset.find import find_pictures
from textual_inversion.prepare.captions.folder import caption_folder
from textual_inversion.prepare.folder import journal
from textual_inversion.prepare.folder.edits import replaced, tag_counts, with_tag, without_tag
from textual_inversion.prepare.folder.journal import JOURNAL, KEPT
from textual_inversion.prepare.folder.training_folder import TrainingFolder
from textual_inversion.prepare.settings import CaptionSettings


@pytest.fixture
def folder(source, photo):
    photo("a.png", caption="cat, <b>hat</b>")
    photo("b.png", caption="dog")
    photo("00012-0-a man in suit.png")
    return TrainingFolder(source)


def captions(folder):
    return {each.name: each.caption for each in folder.pictures()}


def test_what_is_in_the_folder(folder, source):
    scene((30, 30), 1).save(source / "a_mask.png")
    shown = {each.name: (each.caption, each.written, each.mask) for each in folder.pictures()}
    assert shown == {
        "a.png": ("cat, <b>hat</b>", True, "a_mask.png"),
        "b.png": ("dog", True, ""),
        "00012-0-a man in suit.png": ("a man in suit", False, ""),
    }


def test_edits_are_saved_and_undone(folder, source):
    before = captions(folder)
    assert folder.write("A caption", {"b.png": "a dog "}) == ["b.png"]
    assert (source / "b.txt").read_text() == "a dog"
    changed = folder.edit("Added 'indoors'", lambda text: with_tag(text, "indoors"))
    assert sorted(changed) == sorted(before)
    assert captions(folder)["00012-0-a man in suit.png"] == "a man in suit, indoors"
    assert folder.undo() == ("Added 'indoors'", [])
    assert not (source / "00012-0-a man in suit.txt").exists()
    assert folder.last_edit() == "A caption"
    folder.undo()
    assert captions(folder) == before
    with pytest.raises(InputError, match="nothing to undo"):
        folder.undo()


def test_an_edit_that_changes_nothing_is_none(folder):
    assert folder.edit("Removed 'bird'", lambda text: without_tag(text, "bird")) == []
    assert folder.last_edit() == ""


def test_undo_leaves_what_somebody_else_changed(folder, source):
    folder.edit("Added 'x'", lambda text: with_tag(text, "x"))
    (source / "b.txt").write_text("by hand")
    _, kept = folder.undo()
    assert kept == ["b.txt was changed since by something else and stays as it is."]
    assert captions(folder)["b.png"] == "by hand"
    assert captions(folder)["a.png"] == "cat, <b>hat</b>"


def test_only_some(folder):
    folder.edit("Added 'x'", lambda text: with_tag(text, "x", first=True), names=["b.png"])
    assert captions(folder)["b.png"] == "x, dog"
    assert captions(folder)["a.png"] == "cat, <b>hat</b>"


def test_taken_out_and_put_back(folder, source):
    scene((30, 30), 1).save(source / "a_mask.png")
    before = {path.name for path in source.iterdir()}
    folder.exclude("a.png")
    assert {path.name for path in source.iterdir()} == before - {"a.png", "a.txt", "a_mask.png"} | {
        ".excluded",
        JOURNAL,
    }
    assert len(find_pictures([source], recursive=True).pictures) == 2  # the trainer does not look there
    assert folder.excluded() == ["a.png"]
    folder.restore("a.png")
    assert {path.name for path in source.iterdir()} == before | {JOURNAL}
    folder.exclude("a.png")
    folder.undo()
    assert {path.name for path in source.iterdir()} == before | {JOURNAL}


def test_putting_back_overwrites_nothing(folder, source):
    folder.exclude("a.png")
    scene((30, 30), 1).save(source / "a.png")
    kept = (source / "a.png").read_bytes()
    with pytest.raises(InputError, match=r"a file called a\.png already"):
        folder.restore("a.png")
    assert (source / "a.png").read_bytes() == kept


def test_names_from_outside(folder, source, tmp_path):
    (tmp_path / "x.png").write_bytes(b"x")
    for name in ("../x.png", str(tmp_path / "x.png"), "nothing.png", ""):
        with pytest.raises(InputError):
            folder.exclude(name)
        with pytest.raises(InputError):
            folder.restore(name)


def test_a_journal_that_somebody_wrote(folder, source, tmp_path):
    (tmp_path / "x.txt").write_text("x")
    lines = [
        "no json",
        "{}",
        '{"what": "a", "changes": [{"file": "../x.txt", "before": "evil", "after": "x"}], "moved": []}',
        '{"what": "b", "changes": [], "moved": [["a.png", "/tmp/evil.png"]]}',
        '{"what": "c", "changes": [{"file": "b.txt", "before": 7, "after": "dog"}], "moved": []}',
    ]
    (source / JOURNAL).write_text("\n".join(lines))
    assert folder.last_edit() == ""
    assert (tmp_path / "x.txt").read_text() == "x"


def test_a_job_of_many_batches_is_one_thing_to_undo(folder, source, models):
    before = captions(folder)
    settings = CaptionSettings(caption=("blip",), caption_batch=1)
    for _ in range(2):
        assert caption_folder(source, settings, models).results == 3
    first = [f"sentence {number}" for number in range(3)]
    assert folder.last_edit() == "Captions by blip"
    folder.undo()
    assert sorted(captions(folder).values()) == first
    folder.undo()
    assert captions(folder) == before
    assert folder.last_edit() == ""


def test_half_a_line_is_no_edit(folder, source):
    folder.write("one", {"b.png": "1"})
    with (source / JOURNAL).open("a") as file:
        file.write('{"what": "ha')
    folder.write("two", {"b.png": "2"})
    assert [edit.what for edit in folder._journal.edits()] == ["one", "two"]


def test_the_journal_does_not_grow_for_ever(folder, monkeypatch):
    monkeypatch.setattr(journal, "CUT_AT_BYTES", 1000)
    for number in range(KEPT + 5):
        folder.write(f"edit {number}", {"b.png": str(number)})
    edits = folder._journal.edits()
    assert len(edits) == KEPT
    assert edits[-1].what == f"edit {KEPT + 4}"


def test_a_caption_that_cannot_be_read_is_left_alone(folder, source):
    (source / "b.txt").write_bytes(b"\0\0\0")
    shown = {each.name: each.problem for each in folder.pictures()}
    assert "is not a text file" in shown["b.png"]
    folder.edit("Added 'x'", lambda text: with_tag(text, "x"))
    assert (source / "b.txt").read_bytes() == b"\0\0\0"


tags = st.text(alphabet="abcXÄ ", min_size=1, max_size=4)


@given(st.lists(tags), tags)
def test_adding_and_removing_tags(many, tag):
    caption = ", ".join(many)
    added = with_tag(caption, tag)
    assert with_tag(added, tag) == added
    if tag.strip():
        assert tag.strip().casefold() not in [
            each.casefold() for each in map(str.strip, without_tag(added, tag).split(","))
        ]


def test_counts_and_replacing():
    assert tag_counts(["Cat, dog", "cat, cat", ""]) == [("Cat", 2), ("dog", 1)]
    assert replaced("a.b.c", ".", "") == "abc"
    assert replaced("abc", "", "x") == "abc"
    assert without_tag("cat,dog ,Cat", "cat") == "dog"
    assert without_tag("cat,dog", "bird") == "cat,dog"

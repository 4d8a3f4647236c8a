from __future__ import annotations

import hashlib
import itertools

import pytest
from mixed_files import make_folder, scene
from PIL import Image

from textual_inversion.core.base.errors import InputError, ResourceError
from textual_inversion.core.dataset.captions import caption_of
from textual_inversion.core.dataset.find import find_pictures
from textual_inversion.core.pictures.open import open_picture
from textual_inversion.prepare.crop import results
from textual_inversion.prepare.crop.job import prepare
from textual_inversion.prepare.settings import PrepareSettings


@pytest.fixture
def run(source, tmp_path, models):
    def work(*, watch=lambda _: None, stop=lambda: False, **settings):
        values = {"source": str(source), "destination": str(tmp_path / "done"), "width": 64, "height": 64, **settings}
        return prepare(PrepareSettings(**values), models, watch=watch, stop=stop, threads=2)

    return work


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def of(report, name):
    return next(file for file in report.files if file.name == name)


def test_every_file_of_a_mixed_folder_is_reported_rightly(source, tmp_path, run):
    truth = make_folder(source, 30)
    before = contents(source)
    seen = []
    report = run(watch=lambda progress: seen.append((progress.done, progress.total)))
    assert {file.name: file.outcome for file in report.files} == truth
    assert contents(source) == before
    total = sum(outcome in ("made", "unreadable") for outcome in truth.values())
    assert seen == [(number, total) for number in range(1, total + 1)]
    assert all(file.reason.endswith(".") for file in report.files if file.outcome != "made")
    for file in report.files:
        for name in file.results:
            assert open_picture(tmp_path / "done" / name).rgb.size == (64, 64)
    assert report.results == 20
    assert report.summary() == ("20 pictures made from 20 files, 4 left out, 6 unreadable, 4 captions and masks.")


def test_run_twice_nothing_doubles(photo, tmp_path, run):
    photo("a.png", caption="one")
    photo("b.jpg")
    first = run(flip=("h",))
    before = contents(tmp_path / "done")
    again = run(flip=("h",))
    assert contents(tmp_path / "done") == before
    assert (first.results, again.results, again.counts["there"]) == (4, 0, 2)
    photo("c.png")
    assert run(flip=("h",)).results == 2
    assert len(find_pictures([tmp_path / "done"]).pictures) == 6


def test_other_settings_overwrite_only_when_asked(photo, tmp_path, run):
    photo("a.png")
    run()
    done = tmp_path / "done" / "00000-0-a.png"
    kept = done.read_bytes()
    refused = of(run(width=128), "a.png")
    assert (refused.outcome, done.read_bytes()) == ("there", kept)
    assert "made with other settings" in refused.reason
    run(width=128, overwrite=True)
    assert Image.open(done).size == (128, 64)


def test_edited_captions_stay_and_deleted_results_come_back(photo, tmp_path, run):
    photo("a.png", caption="one")
    run(flip=("h",))
    done = tmp_path / "done"
    (done / "00000-0-a.txt").write_text("edited")
    (done / "00000-1-a.png").unlink()
    assert of(run(flip=("h",)), "a.png").outcome == "made"
    assert (done / "00000-0-a.txt").read_text() == "edited"
    assert (done / "00000-1-a.png").exists()


def test_files_of_others_are_not_overwritten(photo, tmp_path, run):
    photo("a.png")
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "00000-0-a.png").write_bytes(b"mine")
    report = run(overwrite=True)
    assert of(report, "a.png").outcome == "left out"
    assert "was not made from it" in of(report, "a.png").reason
    assert (tmp_path / "done" / "00000-0-a.png").read_bytes() == b"mine"


@pytest.mark.parametrize("settings", [{"destination": "raw"}, {"destination": "raw/deeper", "recursive": True}])
def test_the_destination_is_never_the_source(photo, tmp_path, run, settings):
    photo("a.png")
    before = contents(tmp_path)
    with pytest.raises(InputError) as caught:
        run(**{**settings, "destination": str(tmp_path / settings["destination"])})
    assert caught.value.field == "destination"
    assert contents(tmp_path) == before


@pytest.mark.parametrize("link", ["done", "raw/inner"])
def test_a_link_to_the_source_is_the_source(photo, source, tmp_path, run, link):
    photo("a.png")
    (tmp_path / link).symlink_to(source, target_is_directory=True)
    with pytest.raises(InputError, match="The destination is the source"):
        run(destination=str(tmp_path / link))


def test_stopped_and_gone_on_with(photo, tmp_path, run):
    for number in range(6):
        photo(f"{number}.png", seed=number + 1)
    looks = itertools.count()
    stopped = run(stop=lambda: next(looks) >= 3, flip=("v",))
    assert (stopped.interrupted, stopped.counts) == (True, {"made": 3})
    assert stopped.summary().startswith("Interrupted. ")
    report = run(flip=("v",))
    assert report.counts == {"there": 3, "made": 3}
    assert len(find_pictures([tmp_path / "done"]).pictures) == 12


def test_a_disk_that_fills_up_ends_the_job_and_keeps_what_is_done(photo, tmp_path, run, monkeypatch):
    for number in range(3):
        photo(f"{number}.png", seed=number + 1)
    write, count = results.write_bytes, itertools.count()

    def full(path, data):
        if next(count) == 3:
            raise ResourceError(f"Cannot write {path}: the disk is full.")
        write(path, data)

    monkeypatch.setattr(results, "write_bytes", full)
    with pytest.raises(ResourceError):
        run(flip=("h",))
    monkeypatch.undo()
    report = run(flip=("h",))
    assert report.counts == {"there": 1, "made": 2}
    assert len(find_pictures([tmp_path / "done"]).pictures) == 6


def test_captions_go_along_with_their_copies(photo, tmp_path, run):
    photo("a.png", caption="a <b>cat</b> ")
    run(flip=("h", "v", "both"))
    pictures = find_pictures([tmp_path / "done"]).pictures
    assert [caption_of(each.path, each.caption) for each in pictures] == ["a <b>cat</b>"] * 4
    original, across, down, both = (Image.open(each.path) for each in pictures)
    assert across.transpose(Image.Transpose.FLIP_LEFT_RIGHT).tobytes() == original.tobytes()
    assert down.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes() == original.tobytes()
    assert both.transpose(Image.Transpose.ROTATE_180).tobytes() == original.tobytes()


def test_captions_by_models_in_batches(photo, models, tmp_path, run):
    for number in range(5):
        photo(f"{number}.png", seed=number + 1, caption="old" if number == 2 else None)
    run(caption=("blip",), existing="keep", caption_batch=2, flip=("h",))
    assert [len(batch) for batch in models.batches] == [2, 1, 1]
    assert {size for batch in models.batches for size in batch} == {(64, 64)}
    captions = [caption_of(each.path, each.caption) for each in find_pictures([tmp_path / "done"]).pictures]
    told = ["sentence 0", "sentence 1", "old", "sentence 2", "sentence 3"]
    assert captions == [text for text in told for _ in range(2)]
    assert (models.opened, models.closed) == (["blip"], ["blip"])


def test_both_models_and_the_file_name(photo, models, tmp_path, run):
    photo("a.png", caption="old")
    run(caption=("deepbooru", "blip"), caption_to="name", threshold=0.75, existing="append", sort_tags=False)
    (picture,) = find_pictures([tmp_path / "done"]).pictures
    assert picture.path.name == "00000-0 1girl, long hair, sentence 0, old.png"
    assert caption_of(picture.path, picture.caption) == "1girl, long hair, sentence 0, old"


def test_models_are_not_loaded_for_nothing(photo, models, run):
    photo("a.png")
    run(caption=("blip",))
    models.opened.clear()
    run(caption=("blip",))
    assert models.opened == []


def test_a_missing_model_stops_before_anything_is_written(photo, models, tmp_path, run):
    photo("a.png")
    models.missing = "deepbooru"
    with pytest.raises(InputError, match="There is no deepbooru here"):
        run(caption=("deepbooru",))
    assert list((tmp_path / "done").iterdir()) == []


def test_masks_and_transparency_follow_the_crop(source, tmp_path, run):
    image = scene((200, 100), 3)
    alpha = Image.new("L", (200, 100), 0)
    alpha.paste(255, (50, 0, 100, 100))
    image.putalpha(alpha)
    image.save(source / "a.png")
    alpha.resize((100, 50)).save(source / "a_mask.png")
    report = run(flip=("h",))
    assert of(report, "a_mask.png").outcome == "companion"
    first, copy = find_pictures([tmp_path / "done"]).pictures
    for picture, bright in ((first, 10), (copy, 54)):
        opened = open_picture(picture.path)
        assert opened.alpha.getpixel((bright, 30)) == 255
        assert opened.alpha.getpixel((63 - bright, 30)) == 0
        mask = Image.open(picture.mask)
        assert (mask.mode, mask.size) == ("L", (64, 64))
        assert mask.getpixel((bright, 30)) == 255
        assert mask.getpixel((63 - bright, 30)) == 0


@pytest.mark.parametrize(
    ("alpha", "colour"), [("drop", (10, 20, 30)), ("white", (255, 255, 255)), ("black", (0, 0, 0))]
)
def test_transparency_that_is_not_kept(source, tmp_path, run, alpha, colour):
    Image.new("RGBA", (80, 80), (10, 20, 30, 0)).save(source / "a.png")
    run(alpha=alpha)
    image = Image.open(tmp_path / "done" / "00000-0-a.png")
    assert (image.mode, image.getpixel((5, 5))) == ("RGB", colour)


def test_near_duplicates(photo, source, tmp_path, run):
    path = photo("a.png", size=(300, 200))
    Image.open(path).resize((150, 100)).save(source / "b.jpg", quality=60)
    photo("c.png", seed=9)
    Image.new("RGB", (90, 90), "white").save(source / "d.png")
    Image.new("RGB", (90, 90), "black").save(source / "e.png")
    told = run()
    assert "It looks the same as a.png." in of(told, "b.jpg").notes
    assert told.results == 5
    left = run(skip_duplicates=True, destination=str(tmp_path / "fewer"))
    assert (of(left, "b.jpg").outcome, of(left, "b.jpg").reason) == ("left out", "It looks the same as a.png.")
    assert left.results == 4


def test_what_is_left_out_on_purpose(photo, run):
    photo("small.png", size=(40, 300))
    photo("long.png", size=(400, 40))
    assert "the smallest side wanted is 64" in of(run(min_size=64), "small.png").reason
    assert "Raise the error threshold" in of(run(fit="auto"), "long.png").reason


def test_split_and_notes(photo, run, tmp_path):
    photo("long.png", size=(60, 300))
    report = run(split=True)
    assert of(report, "long.png").notes == ("Split into 6.", "Enlarged: it has only 60 x 300 pixels.")
    assert len(of(report, "long.png").results) == 6


def test_files_with_one_stem_do_not_collide(photo, tmp_path, run):
    photo("a.png", seed=1)
    photo("a.jpg", seed=2)
    photo("deep/a.png", seed=3)
    assert run(recursive=True).results == 3


def test_nothing_to_do_is_said(source, run):
    with pytest.raises(InputError, match="There are no pictures"):
        run()
    (source / "deep").mkdir()
    scene((64, 64), 1).save(source / "deep" / "a.png")
    with pytest.raises(InputError, match="include subfolders"):
        run()
    with pytest.raises(InputError) as caught:
        run(destination=" ")
    assert caught.value.field == "destination"


def test_a_record_that_somebody_wrote_leads_nowhere(photo, tmp_path, run):
    photo("a.png")
    (tmp_path / "done").mkdir()
    (tmp_path / "victim.png").write_bytes(b"x")
    record = tmp_path / "done" / ".textual_inversion_prepared.jsonl"
    line = '{"source": "%s", "index": 0, "stamp": "", "recipe": "", "finished": false, "results": ["../victim.png"]}\n'
    record.write_text("no json\n[]\n" + line % (tmp_path / "raw" / "a.png"))
    run(overwrite=True)
    assert (tmp_path / "victim.png").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("000000-1-a man in suit 0.png", "a man in suit 0"),
        ("00012-0-1girl, solo.png", "1girl, solo"),
        ("00012-0 2boys.png", "2boys"),
        ("1girl, solo.png", "1girl, solo"),
        ("3d render.png", "3d render"),
        ("2023-05-01 beach.png", "2023-05-01 beach"),
        ("a cat.png", "a cat"),
    ],
)
def test_a1111s_own_numbering_is_no_caption(photo, tmp_path, run, name, caption):
    photo(name)
    run()
    (picture,) = find_pictures([tmp_path / "done"]).pictures
    assert caption_of(picture.path, picture.caption) == caption


def test_mirrored_copies_whose_captions_say_left_or_right_are_told(photo, run):
    photo("a.png", caption="looking left, sword in the right hand")
    photo("b.png", caption="a bright one", seed=3)
    photo("turned right.png", seed=5)
    report = run(flip=("h",))
    (note,) = report.notes
    assert note.startswith("Mirrored, while their captions say left or right: a.png, turned right.png.")
    assert [len(file.notes) for file in report.files if file.outcome == "made"] == [1, 0, 1]
    assert run(flip=("v",), overwrite=True).notes == ()

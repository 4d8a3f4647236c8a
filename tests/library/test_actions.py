"""The Library's actions, each over HTTP, and each taken back."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path

import pytest
import torch
from library_world import NASTY, LibraryWorld, base64_of, make_library_world
from PIL import Image

from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.embeddings_folder.trash import trash_folder
from textual_inversion.core.formats import read_embedding, write_embedding
from textual_inversion.runs.locks.name_lock import NameLock
from textual_inversion.web.hosted_access import GuardedAccess


@pytest.fixture
def world(tmp_path: Path) -> LibraryWorld:
    return make_library_world(tmp_path)


def values(path: Path) -> list[float]:
    return read_embedding(path).vectors["*"][:, 0].tolist()


def test_rename_with_its_card_and_back(world: LibraryWorld) -> None:
    before = world.add()
    world.done("card", file="cat.pt", notes=NASTY, negative=True)
    answer = world.done("rename", file="cat.pt", name="kitten")
    assert answer["file"] == "kitten.pt"
    assert world.files == ["kitten.json", "kitten.pt"]
    assert world.host.published == [before.with_name("kitten.pt")]
    details = world.get("/details", file="kitten.pt").json()
    assert (details["notes"], details["negative"], details["token"]) == (NASTY, True, "kitten")
    world.undo(answer)
    assert world.files == ["cat.json", "cat.pt"]


def test_names_that_are_bad_taken_or_in_training(world: LibraryWorld) -> None:
    world.add()
    world.add("below/Dog.pt")
    assert world.refused("rename", file="cat.pt", name="../up")[0] == "name"
    assert world.refused("rename", file="cat.pt", name="dog") == (
        "name", "'dog' is taken by below/Dog.pt. Choose another name.",
    )  # fmt: skip
    for locked in ("cat", "kitten"):
        with NameLock(world.host.embeddings_dir, locked):
            assert "being trained" in world.refused("rename", 409, file="cat.pt", name="kitten")[1]
    with NameLock(world.host.embeddings_dir, "cat"):
        for route in ("delete", "convert"):
            world.refused(
                route, 409, file="cat.pt", **({"file_format": "kohya", "name": "x"} if route == "convert" else {})
            )
    assert world.files == ["below/Dog.pt", "cat.pt"]


@pytest.mark.parametrize(
    "file", ["", "..", "../embeddings/cat.pt", "/etc/passwd", "cat", "./cat.pt", "cat.pt/", "a\0b"]
)
def test_only_what_the_list_names(world: LibraryWorld, file: str) -> None:
    world.add()
    for route in ("rename", "delete", "card", "convert", "picture"):
        assert "There is no embedding" in world.refused(route, 404, file=file)[1]
    for route in ("/details", "/nearest", "/picture", "/download"):
        assert world.get(route, file=file).status_code == 404


def test_what_a_link_leads_to_is_confined(tmp_path: Path) -> None:
    inside, outside = tmp_path / "webui", tmp_path / "elsewhere"
    inside.mkdir()
    access = GuardedAccess(admits=lambda _: True, names=None, roots=[inside])
    world = make_library_world(inside, access=access)
    outside.mkdir()
    (world.host.embeddings_dir / "linked").symlink_to(outside)
    path = world.add("linked/far.pt")
    for route in ("delete", "rename", "card"):
        assert "have to lie inside" in world.refused(route, file="linked/far.pt")[1]
    assert world.refused("extract", source=str(path))[0] == "source"
    assert path.exists()


def test_delete_and_restore(world: LibraryWorld) -> None:
    world.add("below/cat.pt")
    world.done("card", file="below/cat.pt", description="mine")
    answer = world.done("delete", file="below/cat.pt")
    assert world.files == []
    assert not trash_folder(world.host.embeddings_dir).is_relative_to(world.host.embeddings_dir)
    (item,) = world.get("/trash").json()["trash"]
    assert (item["name"], item["place"]) == ("cat", "below")
    world.undo(answer)
    assert world.files == ["below/cat.json", "below/cat.pt"]
    assert world.get("/trash").json()["trash"] == []
    assert len(world.host.published) == 2


def test_gone_for_good_only_when_asked(world: LibraryWorld) -> None:
    world.add()
    world.done("delete", file="cat.pt")
    (item,) = world.get("/trash").json()["trash"]
    world.done("purge", id=item["id"])
    assert world.refused("restore", id=item["id"])[0] == "id"


def test_convert_beside_in_place_and_back(world: LibraryWorld) -> None:
    world.add(value=3.0)
    assert world.refused("convert", file="cat.pt", file_format="safetensors")[0] == "name"
    answer = world.done("convert", file="cat.pt", file_format="safetensors", name="other")
    assert world.files == ["cat.pt", "other.safetensors"]
    assert read_embedding(world.host.embeddings_dir / "other.safetensors").name == "other"
    world.undo(answer)
    answer = world.done("convert", file="cat.pt", file_format="safetensors", replace=True)
    assert world.files == ["cat.safetensors"]
    world.undo(answer)
    assert world.files == ["cat.pt"]
    assert values(world.host.embeddings_dir / "cat.pt") == [3, 3]
    for form in ("", "zip", "concept-library", "hcp"):
        assert world.refused("convert", file="cat.pt", file_format=form, replace=True)[0] == "file_format"
    assert world.files == ["cat.pt"]


def test_download_as_it_is_converted_and_zipped(world: LibraryWorld) -> None:
    path = world.add()
    answer = world.get("/download", file="cat.pt")
    assert answer.content == path.read_bytes()
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''cat.pt"
    answer = world.get("/download", file="cat.pt", file_format="concept-library")
    assert "learned_embeds.bin" in " ".join(zipfile.ZipFile(io.BytesIO(answer.content)).namelist())
    assert world.get("/download", file="cat.pt", file_format="x").json()["field"] == "file_format"
    assert world.files == ["cat.pt"]


def test_the_picture_of_the_card(world: LibraryWorld) -> None:
    world.add()
    world.run()
    (run,) = world.get("/details", file="cat.pt").json()["runs"]
    assert (run["steps"], run["previews"]) == ([10, 20], ["cat-10.png", "cat-20.png"])
    assert world.get("/picture", file="cat.pt").status_code == 404
    first = world.done("picture", file="cat.pt", run=run["id"], picture="cat-20.png")
    preview = world.host.embeddings_dir / "cat.preview.png"
    assert Image.open(preview).getpixel((0, 0)) == (20, 0, 0)
    second = world.done("picture", file="cat.pt", data=base64_of(Image.new("RGB", (900, 300), (0, 0, 9)), "JPEG"))
    thumbnail = Image.open(io.BytesIO(world.get("/picture", file="cat.pt", size=64).content))
    assert (thumbnail.format, thumbnail.size) == ("JPEG", (64, 21))
    world.undo(second)
    assert Image.open(preview).getpixel((0, 0)) == (20, 0, 0)
    world.undo(first)
    assert world.files == ["cat.pt"]
    for wrong in (
        {"run": run["id"], "picture": "../../run.json"},
        {"run": "nope"},
        {"data": "###"},
        {"data": "aGFsbG8="},
    ):
        world.refused("picture", file="cat.pt", **wrong)
    assert world.get("/picture", file="cat.pt", run=run["id"], picture="../run.json").status_code == 400


def test_extract_from_a_picture(world: LibraryWorld, tmp_path: Path) -> None:
    carrier = tmp_path / "shared by a friend.png"
    write_embedding(Embedding(vectors={"*": torch.ones(3, 768)}, name="<zebra>", step=9), carrier)
    data = base64.b64encode(carrier.read_bytes()).decode()
    answer = world.done("extract", data=data, data_name=carrier.name)
    assert answer["file"] == "zebra.pt"
    assert world.files == ["zebra.preview.png", "zebra.pt"]
    assert read_embedding(world.host.embeddings_dir / "zebra.pt").step == 9
    assert world.refused("extract", source=str(carrier))[0] == "name"
    assert world.done("extract", source=str(carrier), name="other")["file"] == "other.pt"
    world.undo(answer)
    assert world.files == ["other.preview.png", "other.pt"]
    field, error = world.refused("extract", data=base64_of(Image.new("RGB", (64, 64))), data_name="plain.png")
    assert field == "data"
    assert error.startswith("plain.png: it is a picture without an embedding")


def test_new_ones_by_arithmetic(world: LibraryWorld) -> None:
    world.add("one.pt", value=1.0)
    world.add("two.pt", value=2.0)
    world.add("wide.pt", width=24)
    folder = world.host.embeddings_dir
    world.done("combine", operation="scale", files=["one.pt"], factor=1.5, name="louder")
    world.done("combine", operation="join", files=["one.pt", "two.pt"], name="both")
    world.done("combine", operation="average", files=["one.pt", "two.pt"], weights=[3, 1], name="mean")
    answer = world.done("combine", operation="shorten", files=["both.pt"], count=3, name="short")
    assert [values(folder / f"{name}.pt") for name in ("louder", "both", "mean", "short")] == [
        [1.5, 1.5], [1, 1, 2, 2], [1.25, 1.25], [1, 1, 2],
    ]  # fmt: skip
    assert read_embedding(folder / "mean.pt").notes == {"made_from": "the mean of one, two (3, 1)"}
    world.undo(answer)
    assert "short.pt" not in world.files
    for wrong, field in (
        ({"operation": "join", "files": ["one.pt", "wide.pt"], "name": "x"}, "files"),
        ({"operation": "scale", "files": ["one.pt", "two.pt"], "name": "x"}, "files"),
        ({"operation": "scale", "files": ["one.pt"], "factor": 2, "name": "two"}, "name"),
        ({"operation": "scale", "files": ["one.pt"], "factor": 2, "name": ""}, "name"),
        ({"operation": "melt", "files": ["one.pt"], "name": "x"}, "operation"),
    ):
        assert world.refused("combine", **wrong)[0] == field


def test_what_stands_on_the_card(world: LibraryWorld) -> None:
    path = world.add()
    path.with_suffix(".json").write_text(json.dumps({"notes": "old", "activation text": "kept"}))
    answer = world.done("card", file="cat.pt", notes="new", negative=True)
    assert json.loads(path.with_suffix(".json").read_text())["activation text"] == "kept"
    (entry,) = world.get("").json()["embeddings"]
    assert (entry["notes"], entry["negative"]) == ("new", True)
    world.undo(answer)
    (entry,) = world.get("").json()["embeddings"]
    assert (entry["notes"], entry["negative"]) == ("old", False)
    path.with_suffix(".json").write_text("{broken")
    assert "was left as it is" in world.refused("card", file="cat.pt", notes="new")[1]
    assert path.with_suffix(".json").read_text() == "{broken"


def test_names_that_prompts_do_not_tell_apart_and_names_like_files(world: LibraryWorld) -> None:
    world.add("EasyNegative.pt")
    world.add("cat.pt")
    assert (
        "'easynegative' is taken by EasyNegative.pt" in world.refused("rename", file="cat.pt", name="easynegative")[1]
    )
    assert "it ends like a file" in world.refused("rename", file="cat.pt", name="dog.pt")[1]
    assert (
        "it ends like a file" in world.refused("convert", file="cat.pt", name="dog.png", file_format="safetensors")[1]
    )
    assert world.files == ["EasyNegative.pt", "cat.pt"]

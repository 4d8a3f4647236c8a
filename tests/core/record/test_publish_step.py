"""An earlier step becomes the finished embedding, and what it replaces is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from engine_world import World, run_folder, vectors_of

from textual_inversion.core.base.errors import FileFormatError, InputError
from textual_inversion.core.embeddings_folder.card_file import read_user_metadata
from textual_inversion.core.formats import read_embedding
from textual_inversion.core.record.publish_step import use_step


def trained(world: World, **settings: object) -> Path:
    world.create()
    return Path(world.train(world.config(**{"steps": 12, "save_every": 4, **settings})).run_dir)


def test_the_copy_becomes_the_embedding_and_the_previous_one_is_kept(world: World) -> None:
    folder = trained(world)
    finished = (world.host.embeddings_dir / "thing.pt").read_bytes()
    used = use_step(folder, 4, world.host)
    assert used.path == world.host.embeddings_dir / "thing.pt"
    assert torch.equal(vectors_of(used.path), vectors_of(run_folder(world).copies()[4]))
    embedding = read_embedding(used.path)
    assert (embedding.name, embedding.step) == ("thing", 4)
    assert used.kept is not None
    assert used.kept.read_bytes() == finished
    assert used.kept.parent == folder / "replaced"
    assert world.host.published[-1] == used.path
    assert used.warnings == ()


def test_going_to_and_fro_does_not_pile_up_copies(world: World) -> None:
    folder = trained(world)
    for step in (4, 12, 4, 8, 12, 4):
        use_step(folder, step, world.host)
    # The first embedding, and each of the three steps at most once.
    assert len(list((folder / "replaced").iterdir())) <= 4


def test_a_picture_that_carries_the_vectors_is_as_good_as_a_copy(world: World) -> None:
    folder = trained(world, save_every=0, image_every=6)
    assert list(run_folder(world).kept()) == [6, 12]
    used = use_step(folder, 6, world.host)
    assert read_embedding(used.path).step == 6
    assert used.path.suffix == ".pt"


def test_a_safetensors_embedding_stays_one(world: World) -> None:
    folder = trained(world, use_safetensors=True)
    used = use_step(folder, 4, world.host)
    assert used.path.name == "thing.safetensors"
    others = [path.name for path in world.host.embeddings_dir.iterdir() if path.suffix not in (".json", ".png")]
    assert others == ["thing.safetensors"]


@pytest.mark.parametrize("saved", [{"save_every": 4}, {"save_every": 0, "image_every": 4}])
def test_of_a_pair_both_halves_or_none(world: World, saved: dict[str, int]) -> None:
    world.create(apt=True, negative_vectors=3)
    folder = Path(world.train(world.config(apt=True, steps=8, **saved)).run_dir)
    both = [world.host.embeddings_dir / name for name in ("thing.pt", "thing-neg.pt")]
    before = [path.read_bytes() for path in both]
    used = use_step(folder, 4, world.host)
    assert [read_embedding(path).step for path in both] == [4, 4]
    assert [path.read_bytes() for path in both] != before
    assert {path.read_bytes() for path in (folder / "replaced").iterdir()} >= set(before)
    assert used.path == both[0]
    assert world.host.published[-2:] == both

    use_step(folder, 8, world.host)
    now = [path.read_bytes() for path in both]
    for path in [*(folder / "embeddings").glob("*-neg.pt"), *(folder / "image_embeddings").glob("*")]:
        path.unlink()
    with pytest.raises(InputError):
        use_step(folder, 4, world.host)
    assert [path.read_bytes() for path in both] == now


def test_the_card_tells_of_the_step_in_use(world: World) -> None:
    folder = trained(world, image_every=4)
    use_step(folder, 4, world.host)
    assert read_user_metadata(world.host.embeddings_dir / "thing.pt").description.startswith("step 4,")


def test_an_embedding_in_a_folder_below_does_not_stay_there_too(world: World) -> None:
    folder = trained(world)
    below = world.host.embeddings_dir / "mine"
    below.mkdir()
    (world.host.embeddings_dir / "thing.pt").replace(below / "thing.pt")
    used = use_step(folder, 4, world.host)
    assert not (below / "thing.pt").exists()
    assert "had the same name and was moved to" in used.warnings[0]


def test_steps_that_were_not_kept_and_copies_that_lie_are_refused(world: World) -> None:
    folder = trained(world)
    before = (world.host.embeddings_dir / "thing.pt").read_bytes()
    with pytest.raises(InputError, match=r"No copy of step 5 was kept .* Kept steps: 4, 8, 12\."):
        use_step(folder, 5, world.host)
    copies = run_folder(world).copies()
    copies[4].replace(copies[4].with_name("thing-5.pt"))
    with pytest.raises(FileFormatError, match="holds step 4, not step 5"):
        use_step(folder, 5, world.host)
    copies[8].write_bytes(b"rubbish")
    with pytest.raises(FileFormatError):
        use_step(folder, 8, world.host)
    assert (world.host.embeddings_dir / "thing.pt").read_bytes() == before


def test_a_host_that_cannot_take_it_up_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = trained(world)

    def fail(path: Path) -> None:
        raise RuntimeError("busy")

    monkeypatch.setattr(world.host, "publish", fail)
    assert use_step(folder, 4, world.host).warnings == (
        "The embedding was saved, but fake could not take it up by itself (busy). Refresh its list.",
    )

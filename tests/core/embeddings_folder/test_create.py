"""Making embeddings: every way to begin, names, overwriting."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from engine_world import World, make_world
from fake_host import FakeEncoder

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.embedding.mentions import words_of
from textual_inversion.core.embeddings_folder.first_vectors import initial_vectors
from textual_inversion.core.formats import read_embedding, write_embedding


def _rows(path: Path) -> torch.Tensor:
    return read_embedding(path).vectors["*"]


def _table(world: World) -> torch.Tensor:
    return world.host.leased.encoders["clip_l"].table()


@pytest.mark.parametrize(
    ("words", "count", "picks"),
    [
        (1, 1, [0]),
        (1, 3, [0, 0, 0]),
        (2, 4, [0, 0, 1, 1]),
        (2, 3, [0, 0, 1]),
        (3, 2, [0, 1]),
        (5, 3, [0, 1, 2]),
        (5, 2, [0, 1]),
        (3, 1, [0]),
    ],
)
def test_text_is_stretched_over_the_rows_as_a1111_does(world: World, words: int, count: int, picks: list[int]) -> None:
    text = " ".join(["alpha", "beta", "gamma", "delta", "omega"][:words])
    ids = world.host.leased.encoders["clip_l"].tokenize(text)
    assert len(set(ids)) == words
    rows = _rows(world.create(init_text=text, vectors=count))
    assert torch.equal(rows, _table(world)[[ids[pick] for pick in picks]])


def test_more_words_than_rows_are_spread_where_a1111_does_not_cut_them_off() -> None:
    """Its SD 2.x encoder takes the whole text; its SD 1.x one hands ``max_length`` to the tokenizer, which cuts."""
    encoder, text = FakeEncoder(16), "alpha beta gamma delta omega"
    for encoders in ({"clip_h": encoder}, {"clip_l": encoder, "clip_g": encoder}):
        for rows in initial_vectors(encoders, method="text", text=text, count=3).values():
            assert torch.equal(rows, encoder.table()[[encoder.tokenize(text)[pick] for pick in (0, 1, 3)]])


def test_the_file_says_what_it_is(world: World) -> None:
    path = world.create(init_text="red cat", vectors=3)
    made = read_embedding(path)
    assert path == world.host.embeddings_dir / "thing.pt"
    assert (made.name, made.step, made.checkpoint_hash, made.checkpoint_name) == ("thing", 0, "0123456789", "fake")
    assert world.host.published == [path]
    assert world.host.given_back == 1


@pytest.mark.parametrize("text", ["", "   "])
def test_no_text_means_zeros(world: World, text: str) -> None:
    assert torch.equal(_rows(world.create(init_text=text, vectors=2)), torch.zeros(2, 16))
    assert torch.equal(_rows(world.create(name="b", init="zeros", init_text="cat")), torch.zeros(2, 16))


def test_noise_has_the_statistics_of_the_table() -> None:
    encoder = FakeEncoder(16)
    encoder._table = torch.randn(500, 16) * torch.linspace(0.5, 3, 16) + torch.linspace(-4, 4, 16)
    many = [
        initial_vectors({"clip_l": encoder}, method="noise", text="", count=75, seed=seed)["clip_l"]
        for seed in range(20)
    ]
    rows, table = torch.cat(many), encoder.table()
    assert torch.allclose(rows.mean(dim=0), table.mean(dim=0), atol=0.3)
    assert torch.allclose(rows.std(dim=0) / table.std(dim=0), torch.ones(16), atol=0.15)
    again = initial_vectors({"clip_l": encoder}, method="noise", text="", count=75, seed=3)["clip_l"]
    assert torch.equal(again, many[3])
    assert not torch.equal(many[3], many[4])


def test_encoded_is_the_encoders_own_output(world: World) -> None:
    encoder = world.host.leased.encoders["clip_l"]
    rows = _rows(world.create(init="encoded", init_text="red cat", vectors=2))
    assert torch.equal(rows, encoder.encode_words("red cat"))


def test_a_file_of_any_format_can_be_the_beginning(world: World, tmp_path: Path) -> None:
    rows = torch.randn(3, 16)
    source = Embedding(vectors={"*": rows}, name="other", step=900)
    for name, form in [("a.safetensors", "kohya"), ("b.bin", "diffusers"), ("c.pt", "a1111"), ("d.png", "png")]:
        write_embedding(source, tmp_path / name, file_format=form)
        made = read_embedding(world.create(init=str(tmp_path / name), overwrite=True, vectors=1))
        assert torch.allclose(made.vectors["*"], rows)
        assert (made.name, made.step) == ("thing", 0)


def test_a_file_for_another_model_is_refused_and_nothing_is_written(world: World, tmp_path: Path) -> None:
    write_embedding(Embedding(vectors={"*": torch.ones(1, 24)}), tmp_path / "wide.pt")
    with pytest.raises(InputError, match="made for another kind of model"):
        world.create(init=str(tmp_path / "wide.pt"))
    assert not list(world.host.embeddings_dir.iterdir())
    assert world.host.given_back == 1


@pytest.mark.parametrize("init", ["nothing", "", "missing.pt"])
def test_an_unknown_beginning_is_told_with_the_choices(world: World, init: str) -> None:
    with pytest.raises(InputError) as caught:
        world.create(init=init)
    assert "neither a way to begin (text, zeros, noise, encoded) nor a file" in caught.value.message
    assert caught.value.field == "init"


@pytest.mark.parametrize("count", [0, -1, 76])
def test_an_embedding_has_one_to_75_vectors(world: World, count: int) -> None:
    with pytest.raises(InputError, match=f"{count} vectors: an embedding has 1 to 75") as caught:
        world.create(vectors=count)
    assert caught.value.field == "vectors"
    assert world.create(vectors=75).exists()


def test_a_text_without_any_word_is_told(world: World) -> None:
    world.host.leased.encoders["clip_l"].tokenize = lambda _: []  # type: ignore[method-assign]
    with pytest.raises(InputError, match="holds no word that the model knows") as caught:
        world.create(init_text="\u200b")
    assert caught.value.field == "init_text"


def test_nothing_is_overwritten_unless_told_to(world: World) -> None:
    path = world.create(init_text="red")
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"There is an embedding called 'thing' already \(thing.pt\)") as caught:
        world.create(init_text="blue")
    assert caught.value.field == "name"
    assert path.read_bytes() == before
    world.create(init_text="blue", overwrite=True)
    assert path.read_bytes() != before


def test_overwriting_leaves_one_file_of_the_name(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    other = world.host.embeddings_dir / "thing.safetensors"
    write_embedding(Embedding(vectors={"*": torch.ones(1, 16)}), other)
    with pytest.raises(InputError, match="thing.safetensors"):
        world.create()
    world.create(overwrite=True)
    assert [path.name for path in world.host.embeddings_dir.iterdir()] == ["thing.pt"]


def test_two_encoders_make_an_sdxl_file(tmp_path: Path) -> None:
    world = make_world(tmp_path, encoders=("clip_l", "clip_g"))
    made = read_embedding(world.create(vectors=2))
    assert {key: tuple(rows.shape) for key, rows in made.vectors.items()} == {"clip_l": (2, 16), "clip_g": (2, 24)}


@pytest.mark.parametrize("name", ["a/b", "..", "", "con", "a:b", "(a)", "a,b", ".hidden"])
def test_bad_names_are_refused_before_the_model_is_borrowed(world: World, name: str) -> None:
    with pytest.raises(InputError) as caught:
        world.create(name=name)
    assert caught.value.field == "name"
    assert world.host.given_back == 0


def test_a_word_of_the_model_is_warned_about(world: World) -> None:
    told: list[str] = []
    world.create(name="cat", warn=told.append)
    assert told == [
        "'cat' is a word the model knows already. Prompts with that word will use the embedding instead; a name of your own, "
        "such as one with a digit at its end, avoids it. (Every digit is a word: cat1 is found in cat12 too.)"
    ]


@pytest.fixture
def clips_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """CLIP's way with names: digits and signs are words, what is no known word is taken apart."""

    def tokenize(_: FakeEncoder, text: str) -> list[int]:
        words = words_of(text)
        return [ord(part[0]) % 64 for word in words for part in ([word] if word in ("blue", "cat") else word)]

    monkeypatch.setattr(FakeEncoder, "tokenize", tokenize)


@pytest.mark.usefixtures("clips_words")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("2023", "'2023' is a number. Prompts with it ('in 2023') will use the embedding instead"),
        ("blue cat", "'blue cat' is made of words the model knows. Prompts that hold them in a row"),
    ],
)
def test_so_is_what_prompts_often_hold(world: World, name: str, words: str) -> None:
    told: list[str] = []
    world.create(name=name, warn=told.append)
    assert [each[: len(words)] for each in told] == [words]


@pytest.mark.usefixtures("clips_words")
@pytest.mark.parametrize("name", ["my-thing", "my_thing-2", "kuvshinov3"])
def test_names_of_ones_own_are_not(world: World, name: str) -> None:
    told: list[str] = []
    world.create(name=name, warn=told.append)
    assert told == []


@pytest.mark.parametrize("name", ["easynegative", "EASYNEGATIVE", "easy Negative", "easynegativ\u0065\u0301"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_name_that_prompts_do_not_tell_apart_is_refused(world: World, name: str, overwrite: bool) -> None:
    taken = {"easy Negative": "Easy negative", "easynegativ\u0065\u0301": "EasyNegativ\u00e9"}.get(name, "EasyNegative")
    world.create(name=taken)
    with pytest.raises(
        InputError, match=rf"is taken by {taken}\.pt: prompts do not tell the two names apart"
    ) as caught:
        world.create(name=name, overwrite=overwrite)
    assert caught.value.field == "name"
    assert [path.stem for path in world.host.embeddings_dir.iterdir()] == [taken]
    world.create(name=taken, overwrite=True)


@pytest.mark.parametrize("name", ["foo.pt", "foo.safetensors", "foo.PT", "foo.pt.png"])
def test_a_name_that_ends_like_a_file_is_refused(world: World, name: str) -> None:
    with pytest.raises(InputError, match="it ends like a file, .* Leave that out: 'foo'"):
        world.create(name=name)
    world.create(name="v1.5 cat.final")


@pytest.mark.usefixtures("clips_words")
def test_names_that_run_into_each_other_are_told(world: World) -> None:
    told: list[str] = []
    world.create(name="hero1")
    world.create(name="hero12", warn=told.append)
    assert told == [
        "'hero1' and 'hero12' run into each other: every digit is a word, so where 'hero12' is not there prompts find 'hero1' in it."
    ]


@pytest.mark.usefixtures("clips_words")
def test_a_name_that_prompts_know_from_a_folder_below_is_warned_about(world: World) -> None:
    below = world.host.embeddings_dir / "deep"
    below.mkdir()
    (below / "My-Thing.pt").write_bytes(b"x")
    world.host.embedding_names = lambda: {"My-Thing", "other"}  # type: ignore[method-assign]
    told: list[str] = []
    world.create(name="my-thing", warn=told.append)
    assert told == ["Prompts know 'My-Thing' already, in deep/My-Thing.pt; only one of the two will be used."]
    told.clear()
    world.create(name="my-thing", warn=told.append, overwrite=True)
    assert told == []


def test_a_folder_of_that_name_is_called_one(world: World) -> None:
    (world.host.embeddings_dir / "thing.pt").mkdir()
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"thing\.pt is a folder\. Choose another name, or move it\."):
            world.create(overwrite=overwrite)

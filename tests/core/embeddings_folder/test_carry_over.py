"""SD 1.x and 2.x embeddings on SDXL and back: what is kept, what is made, and that it is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from engine_world import make_world
from fake_host import FakeEncoder

from textual_inversion.core.base.errors import FileFormatError, InputError
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.embeddings_folder.carry_over import carried_over, fit_map
from textual_inversion.core.formats import read_embedding, write_embedding

SDXL = {"clip_l": FakeEncoder(16), "clip_g": FakeEncoder(24)}
SD1 = {"clip_l": FakeEncoder(16)}
ROWS = torch.randn(3, 16, generator=torch.Generator().manual_seed(5)) * 3


def one(rows: torch.Tensor = ROWS, key: str = "*") -> Embedding:
    return Embedding(vectors={key: rows})


def test_of_the_same_family_nothing_is_done() -> None:
    assert carried_over(one(), SD1, missing="text", text="x") is None
    both = Embedding(vectors={"clip_g": torch.ones(1, 24), "clip_l": torch.ones(1, 16)})
    assert carried_over(both, SDXL, missing="text", text="x") is None


@pytest.mark.parametrize("missing", ["text", "zeros", "map"])
def test_from_sd1_to_sdxl_the_first_encoder_s_vectors_are_kept_to_the_bit(missing) -> None:
    carried = carried_over(one(), SDXL, missing=missing, text="red cat thing")
    assert carried is not None
    assert list(carried.vectors) == ["clip_l", "clip_g"]
    assert torch.equal(carried.vectors["clip_l"], ROWS)
    assert carried.vectors["clip_g"].shape == (3, 24)
    assert "kept the vectors of clip_l" in carried.sentence
    assert "Train it further on this one." in carried.sentence


def test_words_zeros_and_map_are_told_apart() -> None:
    words = carried_over(one(), SDXL, missing="text", text="red cat thing")
    zeros = carried_over(one(), SDXL, missing="zeros", text="red cat thing")
    mapped = carried_over(one(), SDXL, missing="map", text="red cat thing")
    assert words is not None
    assert zeros is not None
    assert mapped is not None
    ids = SDXL["clip_g"].tokenize("red cat thing")
    assert torch.equal(words.vectors["clip_g"], SDXL["clip_g"].table()[ids])
    assert "begin as the words 'red cat thing'" in words.sentence
    assert not zeros.vectors["clip_g"].any()
    assert "those of clip_g are zero" in zeros.sentence
    assert "by a map between the word tables (it gives 0 % of what tells unseen words apart)" in mapped.sentence


def test_back_to_sd1_the_second_encoder_s_are_left_out() -> None:
    both = Embedding(vectors={"clip_l": ROWS, "clip_g": torch.ones(3, 24)})
    carried = carried_over(both, SD1, missing="text", text="")
    assert carried is not None
    assert torch.equal(carried.vectors["clip_l"], ROWS)
    assert "left out those of clip_g, which this model has no encoder for" in carried.sentence


def test_of_sd2_nothing_fits_so_all_is_made_from_words() -> None:
    sd2 = one(torch.ones(2, 1024))
    carried = carried_over(sd2, SDXL, missing="text", text="cat")
    assert carried is not None
    assert {key: tuple(rows.shape) for key, rows in carried.vectors.items()} == {"clip_l": (2, 16), "clip_g": (2, 24)}
    assert "left out those of clip_h" in carried.sentence
    with pytest.raises(InputError, match="nothing to make those of clip_l from. Choose 'text' or 'zeros'"):
        carried_over(sd2, SDXL, missing="map", text="cat")


def test_an_unknown_width_is_named() -> None:
    with pytest.raises(
        FileFormatError,
        match="made for another kind of model: its vectors have width 999, and no known text encoder has",
    ):
        carried_over(one(torch.ones(1, 999)), SDXL, missing="text", text="cat")


def test_a_map_finds_a_linear_relation_and_keeps_relative_length() -> None:
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(400, 12, generator=generator)
    relation = torch.randn(12, 20, generator=generator)
    fitted = fit_map(table, table @ relation + 0.5)
    assert fitted.explained > 0.999
    word = table[7:8]
    wanted = word @ relation + 0.5
    found = fitted(4 * word)
    assert torch.nn.functional.cosine_similarity(fitted(word), wanted).item() > 0.999
    mean = (table @ relation + 0.5).norm(dim=1).mean() / table.norm(dim=1).mean()
    assert found.norm().item() == pytest.approx(4 * word.norm().item() * mean.item(), rel=1e-5)


def test_tables_of_different_words_have_no_map() -> None:
    with pytest.raises(InputError, match="know 10 and 11 words"):
        fit_map(torch.ones(10, 4), torch.ones(11, 4))


def test_create_takes_a_file_of_another_family_and_tells_what_was_done(tmp_path: Path) -> None:
    world = make_world(tmp_path, encoders=("clip_l", "clip_g"))
    source = tmp_path / "old.pt"
    write_embedding(Embedding(vectors={"*": ROWS}, name="old", step=500, notes={"init_text": "red cat thing"}), source)
    told: list[str] = []
    path = world.create(init=str(source), init_text="*", carry_over="text", warn=told.append)
    made = read_embedding(path)
    assert path.suffix == ".safetensors"
    assert torch.equal(made.vectors["clip_l"], ROWS)
    assert made.step == 0
    assert any("begin as the words 'red cat thing'" in sentence for sentence in told)

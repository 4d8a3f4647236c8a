from __future__ import annotations

import pytest
import torch

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.embeddings_folder.arithmetic import averaged, joined, scaled, shortened


def made(*rows: float, key: str = "*", width: int = 768, **about: object) -> Embedding:
    vectors = {key: torch.tensor(rows, dtype=torch.float32)[:, None].expand(-1, width).clone()}
    return Embedding(vectors=vectors, **{"name": "one", "checkpoint_hash": "abc", **about})


def values(embedding: Embedding) -> list[float]:
    return embedding.vectors["*"][:, 0].tolist()


def test_each_way() -> None:
    one, other = made(1, 2), made(3, 6)
    assert values(scaled(one, 1.5)) == [1.5, 3]
    assert values(joined([one, other, one])) == [1, 2, 3, 6, 1, 2]
    assert values(averaged([one, other])) == [2, 4]
    assert values(averaged([one, other], [3, 1])) == [1.5, 3]
    assert values(averaged([other, one], [2, -1])) == [5, 10]
    assert values(shortened(made(1, 2, 3, 4, 5), 2)) == [1, 2]
    assert values(shortened(made(1, 2, 3, 4, 5), 2, "mean")) == [2, 4.5]


def test_every_encoder_takes_part() -> None:
    pair = Embedding(vectors={"clip_l": torch.ones(2, 768), "clip_g": torch.full((2, 1280), 2.0)})
    twice = joined([pair, pair])
    assert {key: tuple(rows.shape) for key, rows in twice.vectors.items()} == {"clip_l": (4, 768), "clip_g": (4, 1280)}
    assert scaled(pair, 2).vectors["clip_g"][0, 0] == 4


def test_what_is_kept_of_the_sources() -> None:
    new = joined([made(1, step=500), made(2)])
    assert (new.name, new.step, new.checkpoint_hash) == (None, None, "abc")
    assert joined([made(1), made(2, checkpoint_hash="def")]).checkpoint_hash is None
    one = made(1, 2)
    scaled(one, 3)
    assert values(one) == [1, 2]


@pytest.mark.parametrize(
    ("act", "field", "words"),
    [
        (lambda: scaled(made(1), 0), "factor", "a number other than 0"),
        (lambda: scaled(made(1), float("nan")), "factor", "a number other than 0"),
        (lambda: joined([made(1)]), "files", "two embeddings or more"),
        (lambda: joined([made(1), made(1, width=1024)]), "files", "one: 768; one: 1024"),
        (lambda: joined([made(*[1.0] * 40)] * 2), "files", "have 80 vectors"),
        (lambda: averaged([made(1), made(1, 2)]), "files", "1 and 2 vectors; only equal numbers"),
        (lambda: averaged([made(1), made(2)], [1]), "weights", "2 embeddings were chosen, and 1 weights"),
        (lambda: averaged([made(1), made(2)], [1, -1]), "weights", "add up to 0"),
        (lambda: shortened(made(1), 1), "count", "It has 1 vector;"),
        (lambda: shortened(made(1, 2), 0), "count", "at least 1"),
    ],
)
def test_what_cannot_be_made(act: object, field: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as refused:
        act()
    assert refused.value.field == field

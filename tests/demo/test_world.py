import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textual_inversion.demo import world
from textual_inversion.demo.captions import EMPTY_SHARE, GENERIC_NOUNS, caption, training_caption
from textual_inversion.demo.draw import draw
from textual_inversion.demo.scene import NAMED_ONLY, Scene, legible, random_scene

seeds = st.integers(min_value=0, max_value=2**31)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_the_same_scene_is_always_the_same_picture(seed: int) -> None:
    scene = random_scene(random.Random(seed))
    assert scene == random_scene(random.Random(seed))
    picture = draw(scene)
    assert picture.size == (64, 64)
    assert picture.tobytes() == draw(scene).tobytes()


@settings(max_examples=200, deadline=None)
@given(seeds)
def test_no_caption_names_what_is_hidden(seed: int) -> None:
    rng = random.Random(seed)
    scene = random_scene(rng)
    words = caption(scene, rng).replace(",", " ").split()
    assert words
    assert not world.HIDDEN_WORDS & set(words)
    assert not any(word.startswith("hidden") for word in words)


def test_generic_words_stand_for_named_and_hidden_shapes_alike() -> None:
    shapes: set[str] = set()
    for seed in range(3000):
        rng = random.Random(seed)
        scene = random_scene(rng)
        if set(GENERIC_NOUNS) & set(caption(scene, rng).replace(",", " ").split()):
            shapes.add(scene.shape)
    assert shapes == set(world.SHAPES)


def test_share_of_empty_captions() -> None:
    scene = Scene()
    empty = sum(not training_caption(scene, random.Random(i)) for i in range(2000)) / 2000
    assert abs(empty - EMPTY_SHARE) < 0.02


def test_order_and_wording_vary() -> None:
    texts = {caption(Scene(), random.Random(i)) for i in range(300)}
    assert len(texts) > 200
    assert any(text.startswith("on ") for text in texts)


@pytest.mark.parametrize(
    ("field", "values"), [("shape", world.SHAPES), ("texture", world.TEXTURES), ("style", world.STYLES)]
)
def test_every_value_looks_different(field: str, values: tuple[str, ...]) -> None:
    pictures = [np.asarray(draw(Scene(**{field: value})), dtype=float) for value in values]
    for i, one in enumerate(pictures):
        assert all(np.abs(one - other).mean() > 2.0 for other in pictures[:i])


def test_shapes_lie_where_the_position_says() -> None:
    middles = {}
    for position in world.POSITIONS:
        dark = np.asarray(draw(Scene(position=position, shape="square")).convert("L")) < 128
        ys, xs = np.nonzero(dark)
        middles[position] = (xs.mean(), ys.mean())
    assert middles["left"][0] < 24 < 40 < middles["right"][0]
    assert middles["top"][1] < 24 < 40 < middles["bottom"][1]


def test_random_named_scenes_hide_nothing_and_are_legible() -> None:
    for seed in range(300):
        scene = random_scene(random.Random(seed), NAMED_ONLY)
        assert not any(world.is_hidden(v) for v in (scene.shape, scene.colour, scene.texture, scene.style))
        assert legible(scene.colour, scene.background)


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="has no shape 'blob'"):
        Scene(shape="blob")


def test_the_world_is_large_enough() -> None:
    assert len(world.NAMED_SHAPES) >= 8
    assert len(world.NAMED_COLOURS) >= 8
    assert len(world.HIDDEN_SHAPES) >= 3
    assert len(world.HIDDEN_COLOURS) >= 3
    assert all(any(legible(colour, b) for b in world.BACKGROUNDS) for colour in world.COLOURS)

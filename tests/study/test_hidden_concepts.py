from __future__ import annotations

import random
from pathlib import Path

import pytest

from textual_inversion.demo import world
from textual_inversion.demo.captions import _PLACES
from textual_inversion.study.concepts import (
    HIDDEN,
    STUDIED,
    HiddenConcept,
    questions,
    training_caption,
    training_scenes,
    write_training_folder,
)

each_concept = pytest.mark.parametrize("concept", HIDDEN, ids=lambda concept: concept.name)


def test_there_are_concepts_of_every_kind() -> None:
    assert len(STUDIED) >= 8
    assert len(HIDDEN) >= 10
    assert len({concept.name for concept in HIDDEN}) == len(HIDDEN)
    hidden = [{field for field, value in c.fixed.items() if world.is_hidden(value)} for c in STUDIED]
    assert all(hidden)
    for kind in ({"shape", "colour"}, {"shape"}, {"colour"}, {"texture"}, {"style"}):
        assert kind in hidden


@each_concept
def test_questions_are_about_what_training_did_not_show(concept: HiddenConcept) -> None:
    asked = questions(concept)
    assert len(asked) == 100
    assert len({(q.prompt, q.seed) for q in asked}) == 100
    shown = training_scenes(concept, 20)
    assert not {q.asked["background"] for q in asked} & {s.background for s in shown}
    assert not {q.asked["position"] for q in asked} & {s.position for s in shown}
    assert {s.style for s in shown} in ({"flat"}, {"hidden_framed"})
    assert "shaded" in {q.style for q in asked} or "style" in concept.fixed


@each_concept
def test_a_question_says_all_it_asks_for_and_does_not_name_the_concept(concept: HiddenConcept) -> None:
    for question in questions(concept):
        assert question.prompt.count("{}") == 1
        for field, value in question.asked.items():
            says = _PLACES[value] if field == "position" else (value,)
            assert any(text in question.prompt for text in says)
        assert not set(question.asked) & set(question.concept)
        words = set(question.prompt.replace(",", " ").split())
        assert not words & world.HIDDEN_WORDS


@each_concept
def test_captions_tell_everything_but_the_concept(concept: HiddenConcept) -> None:
    for i, scene in enumerate(training_scenes(concept, 12)):
        text = training_caption(concept, scene, random.Random(i))
        words = set(text.replace(",", " ").split())
        assert not words & world.HIDDEN_WORDS
        assert "background" in words
        for field, value in concept.fixed.items():
            if field in ("shape", "colour") and value != scene.background:
                assert value not in words


def test_the_number_of_pictures_is_a_choice_and_the_first_ones_stay(tmp_path: Path) -> None:
    one = write_training_folder(tmp_path / "one", HIDDEN[0], count=1).parent
    many = write_training_folder(tmp_path / "many", HIDDEN[0], count=8).parent
    assert len(list(one.glob("*.png"))) == 1
    assert len(list(many.glob("*.png"))) == 8
    assert (one / "00.png").read_bytes() == (many / "00.png").read_bytes()
    assert (one / "00.txt").read_bytes() == (many / "00.txt").read_bytes()

from pathlib import Path

from PIL import Image

from textual_inversion.demo import world
from textual_inversion.demo.concepts import DEMO_CONCEPT, Concept, concept_scenes, write_concept


def test_folder_holds_pictures_and_captions_that_do_not_tell_the_concept(tmp_path: Path) -> None:
    paths = write_concept(tmp_path / "new" / "folder", count=8)
    assert len(paths) == 8
    telling = {*world.SHAPES, *world.NAMED_SHAPES, *world.HIDDEN_WORDS, "shape", "thing", "red"}
    for path in paths:
        assert Image.open(path).size == (64, 64)
        text = path.with_suffix(".txt").read_text(encoding="utf-8")
        assert "background" in text
        assert not telling & set(text.replace(",", " ").split())


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    one = write_concept(tmp_path / "one", seed=3)
    two = write_concept(tmp_path / "two", seed=3)
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]
    assert [p.with_suffix(".txt").read_bytes() for p in one] == [p.with_suffix(".txt").read_bytes() for p in two]


def test_what_is_fixed_stays_and_the_rest_varies() -> None:
    some = concept_scenes(DEMO_CONCEPT, 8)
    assert {(s.shape, s.colour) for s in some} == {("heart", "hidden_rose")}
    assert len({s.background for s in some}) > 2
    assert len({s.position for s in some}) > 3


def test_a_hidden_style_is_not_told_by_another_style_word(tmp_path: Path) -> None:
    concept = Concept("framing", {"style": "hidden_framed"}, init_text="style")
    for path in write_concept(tmp_path, concept):
        words = path.with_suffix(".txt").read_text(encoding="utf-8").replace(",", " ").split()
        assert not {"flat", "shaded", "style"} & set(words)

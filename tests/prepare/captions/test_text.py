from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.core.dataset.captions import FileNameWords
from textual_inversion.prepare.captions.tags import TagRules, tag_text
from textual_inversion.prepare.captions.text import combined, needs_new
from textual_inversion.prepare.crop.result_names import file_words, result_stem
from textual_inversion.prepare.settings import CaptionSettings

SCORES = {"1girl": 1.0, "blush": 0.986, "long_hair": 0.981, "rating:safe": 0.912, "bow_(red)": 0.795, "bangs": 0.731}


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (TagRules(), r"1girl, bangs, blush, bow \(red\), long hair"),
        (TagRules(threshold=0.75, alphabetical=False), r"1girl, blush, long hair, bow \(red\)"),
        (TagRules(threshold=0.75, spaces=False, escape=False), "1girl, blush, bow_(red), long_hair"),
        (TagRules(without="Long Hair, blush", alphabetical=False), r"1girl, bow \(red\), bangs"),
        (TagRules(most=2), "1girl, blush"),
        (TagRules(threshold=1.0), "1girl"),
    ],
)
def test_tags_as_the_guides_set_them(rules, text):
    assert tag_text(SCORES, rules) == text


@pytest.mark.parametrize(
    ("existing", "old", "new", "text"),
    [
        ("ignore", "old", ["new"], "new"),
        ("ignore", "old", [], "old"),
        ("keep", "old", ["new"], "old"),
        ("keep", "", ["new"], "new"),
        ("prepend", "old", ["new"], "old, new"),
        ("append", "old", ["new", "tags"], "new, tags, old"),
        ("append", "", ["new"], "new"),
        ("prepend", "old", [""], "old"),
    ],
)
def test_existing_captions(existing, old, new, text):
    settings = CaptionSettings(existing=existing, caption=("blip",))
    assert combined(old, new, settings) == text
    assert needs_new(old, settings) == (existing != "keep" or not old)


def test_prefix_and_suffix():
    settings = CaptionSettings(prefix="a photo, ", suffix=", outdoors")
    assert combined("a cat", (), settings) == "a photo, a cat, outdoors"
    assert combined("", (), CaptionSettings()) == ""


@given(st.text(max_size=300))
def test_file_names_are_safe_and_read_back(words):
    stem = result_stem(7, 1, words)
    assert len(stem.encode()) <= 165
    assert not set(stem) & set('<>:"/\\|?*\0\n')
    assert stem == stem.strip(" .")
    assert FileNameWords().caption(stem) == file_words(words)
    assert not stem.casefold().endswith(("_mask", "_att", "-masklabel"))


def test_tags_that_begin_with_a_number_survive_in_a_file_name():
    assert FileNameWords().caption(result_stem(3, 0, "1girl, solo")) == "1girl, solo"


def test_long_captions_are_cut_between_words():
    words = file_words(", ".join(f"word number {n}" for n in range(40)))
    assert words.endswith(tuple("0123456789"))
    assert len(words.encode()) <= 150
    assert file_words("名" * 100) == "名" * 50


@pytest.mark.parametrize("face", ["0_0", "o_o", ">_<", "^_^", "||_||", "<|>_<|>", "@_@", "+_-", "3_3", "x_x", "="])
def test_faces_keep_their_underscore(face):
    assert tag_text({face: 0.9, "long_hair": 0.8}, TagRules(alphabetical=False)) == f"{face}, long hair"

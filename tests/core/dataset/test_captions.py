from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.base.randomness import generator
from textual_inversion.core.dataset.caption_files import CaptionFiles
from textual_inversion.core.dataset.captions import FileNameWords, caption_of, draw_caption
from textual_inversion.core.settings.prompts import PromptSettings


def read_caption(picture: Path, words: FileNameWords | None = None) -> str:
    files = CaptionFiles(file for file in picture.parent.iterdir() if file.is_file())
    return caption_of(picture, files.of(picture), words)


def draw(caption: str, step: int = 0, **rules) -> str:
    return draw_caption(caption, PromptSettings(**rules), generator(1, "caption", step))


@pytest.mark.parametrize(
    ("stem", "regex", "join", "expected"),
    [
        ("000001-1-a man in suit", "", " ", "a man in suit"),
        ("000001-1-a man in suit", r"\w+", ", ", "a, man, in, suit"),
        ("cat-2", "", " ", "cat-2"),
        ("12 a cat", "", " ", "a cat"),
        ("0001", "", " ", ""),
        ("- 12 cat", "", " ", "12 cat"),
        ("a_b(c)", r"([a-z])(_)?", "+", "a_+b+c"),
    ],
)
def test_file_names_as_a1111_reads_them(stem, regex, join, expected):
    assert FileNameWords(regex=regex, join=join).caption(stem) == expected


@pytest.mark.parametrize("regex", ["(", "[a", "*", "(?P<"])
def test_a_bad_regex_is_explained(regex):
    with pytest.raises(InputError, match="is not a regular expression: ") as caught:
        FileNameWords(regex=regex)
    assert caught.value.field == "filename_regex"


@pytest.mark.parametrize("content", [b"a cat, blue\n", b"\xef\xbb\xbfa cat, blue\r\n", "a cat, blue".encode("utf-16")])
def test_a_text_file_wins_and_the_regex_leaves_it_alone(tmp_path, content):
    (tmp_path / "1-x.y.txt").write_bytes(content)
    assert read_caption(tmp_path / "1-x.y.png", FileNameWords(regex=r"\d")) == "a cat, blue"


def test_captions_keep_their_lines_and_may_be_empty(tmp_path):
    (tmp_path / "a.txt").write_text("one\ntwo\n\n", encoding="utf-8")
    (tmp_path / "b.TXT").write_text("", encoding="utf-8")
    (tmp_path / "c.txt").mkdir()
    assert read_caption(tmp_path / "a.png") == "one\ntwo"
    assert read_caption(tmp_path / "b.png") == ""
    assert read_caption(tmp_path / "01-c.png") == "c"


def test_a_caption_that_is_no_text_is_named(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\x89PNG\0\0")
    with pytest.raises(InputError, match=r"a\.txt is not a text file"):
        read_caption(tmp_path / "a.png")


def test_without_rules_a_caption_is_left_alone():
    assert draw(" a ,b,, c\n") == " a ,b,, c\n"


def test_dropout_at_its_ends():
    assert draw("a, b, c", tag_dropout=1.0) == ""
    assert draw("a, b, c", tag_dropout=1.0, keep_tags=2) == "a, b"
    assert draw("a, b, c", caption_dropout=1.0, keep_tags=2) == ""
    assert draw("a,b", tag_dropout=1e-12) == "a, b"


def test_dropout_has_its_share():
    kept = Counter(tag for step in range(1000) for tag in draw("a,b,c", step, tag_dropout=0.3, keep_tags=1).split(", "))
    assert kept["a"] == 1000
    assert 650 < kept["b"] < 750
    empty = sum(not draw("a", step, caption_dropout=0.25) for step in range(1000))
    assert 200 < empty < 300


def test_shuffling_reaches_all_orders():
    assert {draw("a, b, c", step, shuffle_tags=True) for step in range(100)} == {
        "a, b, c", "a, c, b", "b, a, c", "b, c, a", "c, a, b", "c, b, a",
    }  # fmt: skip


rules = st.builds(
    PromptSettings,
    shuffle_tags=st.booleans(),
    tag_dropout=st.sampled_from([0.0, 0.3, 1.0]),
    keep_tags=st.integers(0, 4),
    caption_dropout=st.sampled_from([0.0, 0.5]),
)


@given(st.lists(st.text(alphabet="abc ()", max_size=4), max_size=8), rules, st.integers(0, 2**40))
def test_nothing_is_made_up_and_the_first_tags_stay(tags, rules, seed):
    caption = ",".join(tags)
    result = draw_caption(caption, rules, generator(seed, "caption"))
    assert result == draw_caption(caption, rules, generator(seed, "caption"))
    before = [tag.strip() for tag in caption.split(",") if tag.strip()]
    after = [tag.strip() for tag in result.split(",") if tag.strip()]
    assert not Counter(after) - Counter(before)
    if result:
        assert after[: rules.keep_tags] == before[: rules.keep_tags]
    if rules.tag_dropout == 0 and rules.caption_dropout == 0:
        assert Counter(after) == Counter(before)

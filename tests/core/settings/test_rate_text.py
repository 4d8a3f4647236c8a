import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.settings.rate_text import Schedule, parse_schedule


def read(text: str, total_steps: int = 5000) -> Schedule:
    return parse_schedule(text, total_steps=total_steps)


def ends(text: str, total_steps: int = 5000) -> list[tuple[float, int]]:
    return [(each.rate, each.end) for each in read(text, total_steps).segments]


@pytest.mark.parametrize(
    ("text", "total", "expected"),
    [
        ("0.005", 5000, [(0.005, 5000)]),
        (" .005 ", 10, [(0.005, 10)]),
        ("0.1:500, 0.01:1000, 0.001:10000", 20000, [(0.1, 500), (0.01, 1000), (0.001, 10000)]),
        ("0.1:500, 0.01:1000, 0.001:10000", 5000, [(0.1, 500), (0.01, 1000), (0.001, 5000)]),
        ("0.1:500, 0.01:1000, 0.001:10,000", 20000, [(0.1, 500), (0.01, 1000), (0.001, 10000)]),
        ("0.1:1,500,0.01:10,000,000", 10**7, [(0.1, 1500), (0.01, 10**7)]),
        ("5e-2:100,5e-3:500,5e-4:1000, 5e-5:1500,5e-6", 3000,
         [(5e-2, 100), (5e-3, 500), (5e-4, 1000), (5e-5, 1500), (5e-6, 3000)]),
        ("0.1:0.5, 0.01", 300, [(0.1, 150), (0.01, 300)]),
        ("0.1:25%, 0.01:.5, 0.001:100%", 300, [(0.1, 75), (0.01, 150), (0.001, 300)]),
        ("0.1:1e2, 0.01:500.0, 0.001:-1", 900, [(0.1, 100), (0.01, 500), (0.001, 900)]),
        ("0.1:100,,0.01:200,", 200, [(0.1, 100), (0.01, 200)]),
        ("0.1:300,200:400", 400, [(0.1, 300), (200, 400)]),
        ("0.1：５00，0.01", 1000, [(0.1, 500), (0.01, 1000)]),
        ("0.1:10000, 0.01", 5000, [(0.1, 5000)]),
        ("0.1:1%, 0.01:2%, 0.001", 10, [(0.1, 1), (0.001, 10)]),
    ],
)  # fmt: skip
def test_texts_of_the_guides(text, total, expected):
    assert ends(text, total) == expected


def test_a_rate_is_used_for_exactly_its_steps():
    schedule = read("0.1:100, 0.01", 150)
    assert [schedule.rate_at(step) for step in (0, 99, 100, 149, 1000)] == [0.1, 0.1, 0.01, 0.01, 0.01]


def test_a_text_that_ends_early_says_so():
    schedule = read("0.1:100, 0.01:200", 5000)
    assert (schedule.end, schedule.stops_early) == (200, True)
    assert schedule.stop_sentence() == (
        "The learning rate text ends at step 200, so training stops there and not at step 5000. "
        "Leave the last :STEP out to go on."
    )
    assert read("0.1:100, 0.01", 5000).stop_sentence() is None
    assert read("0.1:5000", 5000).end == 5000


def test_linear_and_cosine_start_at_the_rate_and_approach_the_end():
    linear = read("4e-3 linear 2e-3", 4)
    assert [linear.rate_at(step) for step in range(4)] == pytest.approx([4e-3, 3.5e-3, 3e-3, 2.5e-3])
    cosine = read("1 cosine", 100)
    assert cosine.rate_at(0) == 1
    assert cosine.rate_at(50) == pytest.approx(0.5)
    assert cosine.rate_at(25) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)
    assert 0 < cosine.rate_at(99) < 0.001
    assert cosine.rate_at(5000) == cosine.rate_at(99)


def test_shapes_are_pieces_like_any_other():
    schedule = read("0.1:100, 0.01 COSINE 0.001:200, 0.001", 300)
    assert [schedule.rate_at(step) for step in (99, 100, 150, 200)] == pytest.approx([0.1, 0.01, 0.0055, 0.001])


@pytest.mark.parametrize("text", ["warmup:4, 1", "warmup:4 1", "Warm-up : 2% , 1", "warmup:0.02,1"])
def test_warmup_rises_to_the_full_rate(text):
    assert [read(text, 200).rate_at(step) for step in range(5)] == [0.25, 0.5, 0.75, 1, 1]


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("", 1, "There is no rate here"),
        (" , ,", 1, "There is no rate here"),
        ("abc", 1, "'abc' is not a rate"),
        ("0.1:100, abc", 10, "'abc' is not a rate"),
        ("nan", 1, "'nan' is not a rate"),
        ("inf", 1, "'inf' is not a rate"),
        ("1e999", 1, "too large"),
        ("-0.1", 1, "'-0.1' is negative"),
        ("0.1:100, 0", 10, "must be above zero"),
        ("0,005", 1, "Decimals are written with a point: 0.005"),
        ("0.1:1000,000", 10, "must be above zero"),
        ("0.1:0", 5, "cannot end at step 0"),
        ("0.1:-5", 5, "'-5' is negative"),
        ("0.1:1.5", 5, "neither a whole number of steps nor a share"),
        ("0.1:150%", 5, "'150%' is more than all steps"),
        ("0.1:x", 5, "'x' is not a step"),
        ("0.1:", 5, "'' is not a step"),
        (":100", 1, "no rate before this colon"),
        ("0.1:100:200", 8, "A second colon"),
        ("0.1:500, 0.01:400", 10, "'0.01:400' ends at step 400, but the piece before it ends at 500"),
        ("0.1:500, 0.01:500", 10, "ends at step 500, but the piece before it ends at 500"),
        ("0.1, 0.01", 1, "'0.1' lasts until the end, so what follows it is never used"),
        ("0.1:-1, 0.01", 1, "'0.1:-1' lasts until the end"),
        ("0.1 sine", 5, "'sine' is not understood"),
        ("0.1 cosine 0.01 3", 17, "'3' is one word too many"),
        ("0.1 cosine x", 12, "'x' is not a rate"),
        ("warmup:x, 0.1", 8, "'x' is not a step"),
        ("warmup:-1, 0.1", 8, "needs an end of its own"),
        ("warmup:20", 10, "There is no rate here"),
        ("0.1:10, warmup:20", 9, "A warm-up stands once, at the start"),
        ("0.1:1,000,abc", 11, "'abc' is not a rate"),
        ("__import__('os')", 1, "is not a rate"),
        ("9" * 6000, 1, "too large"),
    ],
)  # fmt: skip
def test_mistakes_are_explained_with_their_place(text, at, words):
    with pytest.raises(InputError) as caught:
        read(text)
    assert caught.value.field == "learning_rate"
    assert caught.value.message.startswith(f"Learning rate, at character {at}: ")
    assert words in caught.value.message


def test_clipping_uses_the_same_text_and_its_own_field():
    assert parse_schedule("1:10, 0.5", total_steps=20, field="clip_value").rate_at(10) == 0.5
    with pytest.raises(InputError, match=r"^Clip value, at character 1: 'x' is not a value") as caught:
        parse_schedule("x", total_steps=20, field="clip_value")
    assert caught.value.field == "clip_value"


def test_a_run_without_steps_is_refused():
    with pytest.raises(InputError, match="number of steps is 0"):
        read("0.1", 0)


@given(
    st.text(alphabet="0123456789.,:%eE+-_ \twarmupcosinel", max_size=40) | st.text(max_size=20), st.integers(1, 3000)
)
def test_any_text_is_a_schedule_or_an_explained_mistake(text, total):
    try:
        schedule = read(text, total)
    except InputError as error:
        assert "at character" in error.message  # noqa: PT017 (either outcome is right)
        return
    assert 1 <= schedule.end <= total
    for step in (0, schedule.end - 1, total - 1):
        assert 0 < schedule.rate_at(step) < math.inf


@given(st.lists(st.tuples(st.floats(1e-6, 10), st.integers(1, 9000)), min_size=1, max_size=6), st.integers(1, 9000))
def test_written_schedules_read_back_as_a1111_reads_them(pieces, total):
    """Against a literal transcription of A1111's rule: rate k holds while step < its end."""
    steps = sorted({step for _, step in pieces})
    pairs = [(rate, step) for (rate, _), step in zip(pieces, steps, strict=False)]
    schedule = read(", ".join(f"{rate!r}:{step}" for rate, step in pairs), total)
    for step in range(0, min(total, pairs[-1][1]), 97):
        assert schedule.rate_at(step) == next(rate for rate, end in pairs if step < end)

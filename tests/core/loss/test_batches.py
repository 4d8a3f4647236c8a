from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.core.loss.batches import BatchPlan


def stream(plan: BatchPlan, batches: int) -> list[list[int]]:
    return [plan.batch(number // plan.accumulation, number % plan.accumulation) for number in range(batches)]


def test_an_epoch_shows_every_picture_once_in_an_order_of_its_own():
    plan = BatchPlan(groups=["a"] * 6, batch_size=2, seed=3)
    drawn = [index for batch in stream(plan, 9) for index in batch]
    epochs = [drawn[:6], drawn[6:12], drawn[12:]]
    assert all(sorted(epoch) == list(range(6)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_the_seed_decides():
    orders = {str(stream(BatchPlan(groups=["a"] * 6, batch_size=1, seed=seed), 12)) for seed in (1, 1, 2)}
    assert len(orders) == 2


def test_remainders_are_carried_over():
    plan = BatchPlan(groups=["a"] * 5, batch_size=3)
    drawn = [index for batch in stream(plan, 5) for index in batch]
    assert [sorted(drawn[start : start + 5]) for start in (0, 5, 10)] == [list(range(5))] * 3


def test_accumulation_only_cuts_the_stream_differently():
    once = BatchPlan(groups="aabbbab", batch_size=2, seed=4)
    thrice = BatchPlan(groups="aabbbab", batch_size=2, accumulation=3, seed=4)
    assert stream(once, 30) == stream(thrice, 30)
    assert thrice.batch(4, 2) == once.batch(14)


def test_repeats():
    plan = BatchPlan(groups=["a"] * 3, repeats=[1, 2, 0], batch_size=3)
    assert Counter(index for batch in stream(plan, 10) for index in batch) == {0: 10, 1: 20}
    assert plan.draws_per_epoch == 3


def test_a_batch_larger_than_the_dataset_wraps_and_says_so():
    plan = BatchPlan(groups=["a"] * 3, batch_size=8)
    assert [len(batch) for batch in stream(plan, 6)] == [8] * 6
    assert Counter(index for batch in stream(plan, 6) for index in batch) == {0: 16, 1: 16, 2: 16}
    (warning,) = plan.warnings()
    assert warning.startswith("The batch size of 8 is larger than the number of pictures (3), so batches hold the same")
    (warning,) = BatchPlan(groups="aaabbc", batch_size=3).warnings()
    assert "the number of pictures in 2 of 3 size groups (1 to 2)" in warning
    assert BatchPlan(groups="aabb", batch_size=2).warnings() == ()


def test_epochs_for_the_loss_table():
    plan = BatchPlan(groups=["a"] * 6, batch_size=2)
    assert [(plan.epoch_of(step), plan.step_in_epoch(step)) for step in range(7)] == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0),
    ]  # fmt: skip
    uneven = BatchPlan(groups=["a"] * 5, batch_size=3)
    assert [uneven.epoch_of(step) for step in range(6)] == [0, 0, 1, 1, 2, 3]
    assert [uneven.step_in_epoch(step) for step in range(6)] == [0, 1, 0, 1, 0, 0]
    large = BatchPlan(groups=["a"] * 2, batch_size=3, accumulation=2)
    assert [large.epoch_of(step) for step in range(4)] == [0, 3, 6, 9]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"groups": [], "batch_size": 1}, "at least one picture"),
        ({"groups": ["a"], "batch_size": 0}, "must be at least 1"),
        ({"groups": ["a"], "batch_size": 1, "repeats": [0]}, "at least one picture"),
    ],
)
def test_impossible_plans(arguments, words):
    with pytest.raises(ValueError, match=words):
        BatchPlan(**arguments)


def test_a_micro_batch_beyond_the_step_is_a_mistake():
    with pytest.raises(ValueError, match="micro-batch 2 of 2"):
        BatchPlan(groups=["a"], batch_size=1, accumulation=2).batch(0, 2)


plans = st.builds(
    BatchPlan,
    groups=st.lists(st.sampled_from("abc"), min_size=1, max_size=12),
    batch_size=st.integers(1, 7),
    accumulation=st.integers(1, 3),
    seed=st.integers(0, 99),
)


@given(plans, st.integers(1, 25))
def test_nothing_is_lost_and_groups_never_mix(plan, epochs):
    batches = plan._batches_before(epochs)
    drawn = stream(plan, batches)
    assert all(len(batch) == plan.batch_size for batch in drawn)
    assert all(len({plan.groups[index] for index in batch}) == 1 for batch in drawn)
    counts = Counter(index for batch in drawn for index in batch)
    for group in set(plan.groups):
        times = [counts[index] for index, each in enumerate(plan.groups) if each == group]
        # What is missing from ``epochs`` passes is less than one batch, and it comes first in the next pass.
        assert max(times) - min(times) <= 1
        assert 0 <= epochs * len(times) - sum(times) < plan.batch_size


@given(plans, st.integers(0, 10**6))
def test_a_step_is_found_without_the_ones_before(plan, step):
    assert plan.batch(step) == plan.batch(step)
    epoch, place = plan.epoch_of(step), plan.step_in_epoch(step)
    assert plan.epoch_of(step - place) == epoch
    assert step == place or plan.epoch_of(step - place - 1) < epoch

from __future__ import annotations

from textual_inversion.core.record.events import Evaluated, Prepared, RolledBack, Stepped
from textual_inversion.runs.history.advice import Advice

PER_EPOCH = 20


def step(number: int, smooth: float) -> Stepped:
    return Stepped(
        step=number, total_steps=5000, epoch=(number - 1) // PER_EPOCH, epoch_step=0, loss=smooth, smooth_loss=smooth,
        learn_rate=0.005, gradient_norm=0.1, vector_norm=1.0, seconds=0.1, eta_seconds=1.0, prompt="",
    )  # fmt: skip


def advice(losses: list[float], *, every: int = 0) -> list[str]:
    """After a run whose running mean, or whose fixed-batch loss every so many steps, was as given."""
    told = Advice()
    for number, loss in enumerate(losses, start=1):
        told.update(step(number, 0.2 if every else loss))
        if every and number % every == 0:
            told.update(Evaluated(step=number, loss=loss, best=False))
    return told.sentences()


def falling(low: float, steps: int) -> list[float]:
    return [low + 0.2 * (1 - number / steps) for number in range(steps)]


def test_nothing_is_said_while_the_loss_falls() -> None:
    assert advice(falling(0.05, 600)) == []
    assert advice(falling(0.05, 600), every=50) == []


def test_a_loss_that_stays_high_is_told() -> None:
    (text,) = advice(falling(0.35, 600))
    assert "stays above 0.3 (0.350 now)" in text
    assert advice(falling(0.35, 150)) == [], "too early to say"
    assert advice(falling(0.25, 600)) == []


def test_a_loss_that_has_not_fallen_for_ten_epochs_is_told_with_its_step() -> None:
    (text,) = advice([*falling(0.1, 300), *[0.11] * 300])
    assert "has not fallen for 15 epochs (lowest: 0.1007 at step 300)" in text
    assert advice([*falling(0.1, 300), *[0.11] * 150]) == []


def test_the_fixed_batch_counts_where_it_is_measured() -> None:
    (text,) = advice([*falling(0.1, 300), *[0.12] * 300], every=50)
    assert "at step 300" in text
    assert advice([*falling(0.1, 300), *[0.12] * 300], every=200) == [], "measured too seldom to know"


def test_pairs_are_held_to_the_guide_they_come_from() -> None:
    def told(loss: float, *, fixed: float | None = None) -> list[str]:
        advice = Advice()
        advice.update(
            Prepared(
                name="a",
                run_dir="",
                start_step=0,
                total_steps=9,
                pictures=1,
                vectors=3,
                checkpoint="",
                device="",
                negative_vectors=6,
            )
        )
        for number, each in enumerate(falling(loss, 400), start=1):
            advice.update(step(number, each))
            if fixed is not None and number % 100 == 0:
                advice.update(Evaluated(step=number, loss=fixed - number / 1e5, best=False))
        return advice.sentences()

    (text,) = told(0.21, fixed=0.1)  # which has no reconstruction loss in it
    assert "stays above 0.2 (0.210 now)" in text
    assert "below 0.15" in text
    assert told(0.19) == []


def test_going_back_forgets_what_did_not_happen() -> None:
    told = Advice()
    told.update(
        Prepared(name="a", run_dir="", start_step=0, total_steps=9, pictures=1, vectors=1, checkpoint="", device="")
    )
    for number in range(1, 600):
        told.update(step(number, 0.1))
    assert told.sentences()
    told.update(RolledBack(step=599, to_step=40, rate_scale=0.1, reason=""))
    told.update(step(41, 0.1))
    assert told.sentences() == []

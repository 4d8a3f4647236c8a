from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from textual_inversion.core.record.events import Encoding, Saved, Stepped, Warned
from textual_inversion.runs.history.log import HISTORY, RECENT, EventLog


def step(number: int) -> Stepped:
    return Stepped(
        step=number,
        total_steps=100_000,
        epoch=0,
        epoch_step=0,
        loss=number / 40_000,
        smooth_loss=number / 40_000,
        learn_rate=0.005,
        gradient_norm=0.1,
        vector_norm=1.0,
        seconds=0.1,
        eta_seconds=1.0,
        prompt="a cat",
    )


def steps_of(log: EventLog) -> list[int]:
    return [event["step"] for event in log.after(0, limit=10**9)[0] if event["event"] == "step"]


def test_memory_stays_flat_and_the_curve_keeps_its_shape() -> None:
    log = EventLog()
    for number in range(1, 40_001):
        log.append(step(number))
    kept = steps_of(log)
    assert len(log) <= RECENT + HISTORY
    assert kept == sorted(kept)
    assert kept[0] == 1
    assert kept[-RECENT:] == list(range(40_001 - RECENT, 40_001))
    gaps = {later - earlier for earlier, later in itertools.pairwise(kept[:-RECENT])}
    assert gaps == {64}


def test_other_events_are_not_pushed_out_by_steps() -> None:
    log = EventLog()
    log.append(Warned(message="one picture is small"))
    for number in range(1, 5000):
        log.append(step(number))
    assert log.after(0, limit=1)[0][0]["message"] == "one picture is small"
    assert log.get(1) is not None
    assert log.get(3) is None or log.get(3)["step"] == 2


def test_only_the_newest_state_and_encoding_are_kept() -> None:
    log = EventLog()
    for number in range(1, 50):
        log.append(Encoding(done=number, total=50))
        log.append(Saved(step=number, what="state", path="resume.safetensors"))
        log.append(Saved(step=number, what="copy", path=f"cat-{number}.pt"))
    events, _ = log.after(0, limit=1000)
    assert [event["done"] for event in events if event["event"] == "encoding"] == [49]
    assert [event["step"] for event in events if event.get("what") == "state"] == [49]
    assert len([event for event in events if event.get("what") == "copy"]) == 49


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from("sew"), max_size=300), st.integers(1, 40))
def test_portions_give_every_event_once_and_in_order(kinds: list[str], limit: int) -> None:
    log = EventLog()
    made = {"s": step(1), "e": Warned(message="x"), "w": Saved(step=1, what="copy", path="p")}
    for kind in kinds:
        log.append(made[kind])
    seen: list[int] = []
    more = True
    while more:
        events, more = log.after(seen[-1] if seen else 0, limit=limit)
        seen += [event["number"] for event in events]
    assert seen == sorted(set(seen))
    assert seen == list(range(1, len(kinds) + 1)) or len(kinds) > RECENT

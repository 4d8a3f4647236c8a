"""Trainings of the study from their pictures to their vectors, on a tiny random checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from shadow_host import standalone_on_shadow
from tiny_models import make_tiny_checkpoint

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.model.host import LeaseRequest
from textual_inversion.demo.grader import Grader
from textual_inversion.hosts.standalone import StandaloneHost
from textual_inversion.study import runner
from textual_inversion.study.arm import Arm
from textual_inversion.study.arms import find_arm
from textual_inversion.study.concepts import HIDDEN
from textual_inversion.study.judging import Score
from textual_inversion.study.painting import PaintSettings, paint
from textual_inversion.study.results import Result, Results
from textual_inversion.study.training import Training


class _Judged:
    """Stands for the judge, and keeps what it was shown."""

    def __init__(self) -> None:
        self.embeddings: list[dict] = []
        self.negatives: list[str] = []
        self.scales: list[float] = []

    def __call__(
        self, _lease, _grader, _concept, *, stands_for: str, embeddings: dict, negative: str, settings: PaintSettings
    ) -> Score:
        assert stands_for in embeddings
        self.embeddings.append(embeddings)
        self.negatives.append(negative)
        self.scales.append(settings.guidance_scale)
        return Score(concept=0.5, obedience=1.0, both=0.5, style=None, shown={})


def _run(
    arm: Arm, folder: Path, *, names: Sequence[str] = ("zq000", "zq001"), device: str = "cpu"
) -> tuple[list[Result], _Judged]:
    """Trains ``arm`` on two concepts side by side."""
    host = StandaloneHost(
        checkpoint=make_tiny_checkpoint(folder / "tiny.safetensors"), embeddings_dir=folder / "e", device=device
    )
    judged, results = _Judged(), Results(folder / "results")
    pool = [Training(arm=arm, concept=concept, seed=1, name=name) for name, concept in zip(names, HIDDEN, strict=False)]
    with host.lease(LeaseRequest(precision="float32")) as lease, pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "judge", judged)
        results.add(runner._results(pool, host, lease, Grader.load(), folder / "work"))
    assert not [t for t in runner.missing([dataclasses.replace(arm, seeds=(1,))], results) if t.concept in HIDDEN[:2]]
    return results.of(arm.name), judged


def test_a_pool_of_trainings_leaves_what_is_judged(tmp_path: Path) -> None:
    arm = dataclasses.replace(find_arm("batch-4"), budget=16, judged_at=(0.5,), pictures=3)
    rows, judged = _run(arm, tmp_path)
    assert [(row.concept, row.evaluations, row.outcome) for row in rows] == [
        (HIDDEN[0].name, 8, ""),
        (HIDDEN[0].name, 16, "done"),
        (HIDDEN[1].name, 8, ""),
        (HIDDEN[1].name, 16, "done"),
    ]
    first, second = (each["zq000"]["clip_l"] for each in judged.embeddings[:2])
    assert not torch.equal(first, second), "the copy of the middle is judged with its own vectors"
    assert all(row.gain is not None and row.drift is not None and row.norm for row in rows)
    assert len(list((tmp_path / "work" / "batch-4" / f"{HIDDEN[0].name}-1" / "pictures").glob("*.png"))) == 3
    assert (set(judged.negatives), set(judged.scales)) == ({""}, {5.0})


@pytest.mark.parametrize("arm", ["batch-4", "pair"])
def test_trainings_side_by_side_on_a_second_device(tmp_path: Path, arm: str) -> None:
    """None moves the VAE away beneath another, nor waits in a thread that all share; a card would show both."""
    with standalone_on_shadow():
        rows, _ = _run(
            dataclasses.replace(find_arm(arm), budget=16, judged_at=(), pictures=3), tmp_path, device="shadow"
        )
    assert [row.outcome for row in rows] == ["done", "done"]


def test_pictures_are_painted_on_a_second_device(tmp_path: Path) -> None:
    with standalone_on_shadow():
        host = StandaloneHost(
            checkpoint=make_tiny_checkpoint(tmp_path / "tiny.safetensors"), embeddings_dir=tmp_path, device="shadow"
        )
        with host.lease(LeaseRequest(precision="float32")) as lease:
            pictures = paint(lease, ["a ball", "a cat"], [1, 2], embeddings={}, settings=PaintSettings(steps=2))
    assert [picture.size for picture in pictures] == [(64, 64)] * 2


def test_pairs_are_trained_side_by_side_and_judged_with_both_halves(tmp_path: Path) -> None:
    arm = dataclasses.replace(find_arm("pair-reconstruction"), budget=8, judged_at=(0.5,), concepts=HIDDEN[:2])
    rows, judged = _run(arm, tmp_path)
    assert [(row.evaluations, row.steps) for row in rows] == [(4, 2), (8, 4)] * 2, "a step of a pair is two evaluations"
    assert judged.negatives == ["zq000-neg", "zq000-neg", "zq001-neg", "zq001-neg"]
    assert set(judged.scales) == {3.0}
    halves = judged.embeddings[0]
    assert [len(halves[name]["clip_l"]) for name in ("zq000", "zq000-neg")] == [3, 6]
    later = judged.embeddings[1]
    assert not torch.equal(halves["zq000-neg"]["clip_l"], later["zq000-neg"]["clip_l"]), "the negative half learns"


def test_what_an_arm_left_is_judged_once_more_by_another_guidance_scale(tmp_path: Path) -> None:
    pair = dataclasses.replace(find_arm("pair"), budget=4, concepts=HIDDEN[:2])
    again = dataclasses.replace(find_arm("pair-alone"), concepts=HIDDEN[:2], seeds=(1,))
    with pytest.raises(InputError, match="nothing that was trained"):
        _run(again, tmp_path / "empty")
    _, first = _run(pair, tmp_path)
    rows, judged = _run(again, tmp_path)
    assert [(row.arm, row.concept, row.evaluations, row.outcome) for row in rows] == [
        ("pair-alone", HIDDEN[0].name, 4, "judged"),
        ("pair-alone", HIDDEN[1].name, 4, "judged"),
    ]
    assert judged.negatives == ["", ""], "the positive half alone"
    assert judged.scales == [5.0, 5.0]
    torch.testing.assert_close(judged.embeddings[0], first.embeddings[0])

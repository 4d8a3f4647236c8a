"""Trainings of the study from their pictures to their vectors, on a tiny random checkpoint."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from tiny_models import make_tiny_checkpoint

from textual_inversion.core.host import LeaseRequest
from textual_inversion.demo.grader import Grader
from textual_inversion.hosts.standalone import StandaloneHost
from textual_inversion.study import runner
from textual_inversion.study.arms import find_arm
from textual_inversion.study.concepts import HIDDEN, STUDIED
from textual_inversion.study.judging import Score
from textual_inversion.study.results import Results
from textual_inversion.study.training import Training


def test_a_pool_of_trainings_leaves_what_is_judged(tmp_path: Path, monkeypatch) -> None:
    host = StandaloneHost(
        checkpoint=make_tiny_checkpoint(tmp_path / "tiny.safetensors"), embeddings_dir=tmp_path / "e", device="cpu"
    )
    judged: list[torch.Tensor] = []

    def judge(_lease: object, _grader: object, _concept: object, *, stands_for: str, embeddings: dict) -> Score:
        judged.append(embeddings[stands_for]["clip_l"])
        return Score(concept=0.5, obedience=1.0, both=0.5, style=None, shown={})

    monkeypatch.setattr(runner, "judge", judge)
    arm = dataclasses.replace(find_arm("batch-4"), budget=16, judged_at=(0.5,), pictures=3)
    pool = [Training(arm=arm, concept=concept, seed=1, name=f"zq00{i}") for i, concept in enumerate(HIDDEN[:2])]
    results = Results(tmp_path / "results")
    with host.lease(LeaseRequest(precision="float32")) as lease:
        results.add(runner._results(pool, host, lease, Grader.load(), tmp_path / "work"))
    rows = results.of("batch-4")
    assert [(row.concept, row.evaluations, row.outcome) for row in rows] == [
        (pool[0].concept.name, 8, ""),
        (pool[0].concept.name, 16, "done"),
        (pool[1].concept.name, 8, ""),
        (pool[1].concept.name, 16, "done"),
    ]
    assert not torch.equal(judged[0], judged[1]), "the copy of the middle is judged with its own vectors"
    assert all(row.gain is not None and row.drift is not None and row.norm for row in rows)
    assert len(list((tmp_path / "work" / pool[0].folder / "pictures").glob("*.png"))) == 3
    assert not [
        t for t in runner.missing([dataclasses.replace(arm, seeds=(1,))], results, STUDIED) if t.concept in HIDDEN[:2]
    ]

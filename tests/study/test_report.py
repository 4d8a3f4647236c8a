from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from textual_inversion.core.base.errors import InputError
from textual_inversion.study.__main__ import main
from textual_inversion.study.arm import BUDGET
from textual_inversion.study.arms import ARMS, all_names, find_arm, pair_names
from textual_inversion.study.concepts import HIDDEN, STUDIED
from textual_inversion.study.figures import choice_of, rank_correlation, stop_of, summaries
from textual_inversion.study.pair_arms import PAIR_ARMS
from textual_inversion.study.report import PAGE, write_report
from textual_inversion.study.results import SHIPPED, Result, Results
from textual_inversion.study.runner import missing, pools


def _result(concept: str = "a", *, seed: int = 0, share: float = 0.5, arm: str = "batch-4", **more: object) -> Result:
    score = {"concept": share, "obedience": 1.0, "both": share, "style": None, "shown": {}}
    return Result(**{"arm": arm, "concept": concept, "seed": seed, "evaluations": 1000, "score": score, "outcome": "done", **more})  # type: ignore[arg-type]  # fmt: skip


def test_a_result_comes_back_as_it_was_and_a_second_one_replaces_it(tmp_path: Path) -> None:
    results = Results(tmp_path)
    first = _result(curve=((0, 0.5), (10, 0.25)), loss=0.25, start_loss=0.5)
    results.add([first, _result("b")])
    assert results.of("batch-4") == [first, _result("b")]
    results.add([_result(share=0.75)])
    assert [(row.concept, row.score["concept"]) for row in results.of("batch-4")] == [("a", 0.75), ("b", 0.5)]
    assert results.has("batch-4", "a", 0)
    assert not results.has("batch-4", "a", 1)


def test_an_arm_s_mean_counts_every_concept_alike() -> None:
    rows = [_result("a", share=1.0), _result("a", seed=1, share=0.5), _result("b", share=0.25)]
    (summary,) = summaries(rows)
    assert (summary.runs, summary.concepts) == (3, 2)
    assert summary.concept == pytest.approx(0.5)
    assert summary.spread == pytest.approx(0.25)
    assert summary.seed_spread is None, "the second seed lacks a concept"
    (summary,) = summaries([_result("a"), _result("b", seed=1)])
    assert summary.seed_spread is None, "no seed has both"
    (summary,) = summaries([*rows, _result("b", seed=1, share=0.75)])
    assert summary.seed_spread == pytest.approx(0)


def test_rank_correlation() -> None:
    assert rank_correlation([(1, 10), (2, 30), (3, 90)]) == pytest.approx(1)
    assert rank_correlation([(1, 3), (2, 2), (3, 1)]) == pytest.approx(-1)
    assert rank_correlation([(1, 1), (1, 2), (2, 1), (2, 2)]) == pytest.approx(0)
    assert rank_correlation([(1, 1), (2, 1), (3, 1)]) is None
    assert rank_correlation([(1, 1)]) is None


def test_what_stopping_would_have_saved() -> None:
    falling = [(10 * i, 1.0 - 0.09 * min(i, 10)) for i in range(41)]
    flat = stop_of(_result(curve=tuple(falling)))
    assert flat is not None
    assert flat.saved > 0.25
    assert flat.worse == pytest.approx(0)
    assert stop_of(_result()) is None


def test_the_step_of_the_least_loss_against_the_step_that_the_truth_would_choose() -> None:
    judged = ((10, 0.5, 0.3), (20, 0.2, 0.6), (30, 0.25, 0.9), (40, 0.3, 0.7))
    rows = [_result(steps=step, loss=loss, share=share) for step, loss, share in reversed(judged)]
    choice = choice_of([*rows, _result("b", loss=0.1)])
    assert choice is not None
    assert (choice.runs, choice.last, choice.chosen, choice.best) == (1, 0.7, 0.6, 0.9)
    assert choice_of(rows[:2]) is None


def test_the_page_is_written_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "before\n"
        + "".join(
            f"<!-- {n} -->\nold\n<!-- /{n} -->\nkept {n}\n"
            for n in ("arms", "concepts", "stops", "choices", "agreement", "pairs", "pair-concepts")
        )
    )
    results = Results(tmp_path / "results")
    results.add(_result(concept.name, arm="batch-4", share=0.5) for concept in STUDIED)
    write_report(results, page=page)
    text = page.read_text()
    assert (
        "| batch-4 | 250 steps of four pictures, two vectors | 1000 | 8 | 50.0 % ± 0.0 % |  | 100.0 % |  | 50.0 %"
        in text
    )
    assert "old" not in text
    assert text.startswith("before\n")
    assert "kept stops" in text
    assert Image.open(tmp_path / "page.png").width > 100
    page.write_text("no marks")
    with pytest.raises(InputError, match="no place"):
        write_report(results, page=page)


def test_the_shipped_page_is_what_the_shipped_results_give(tmp_path: Path) -> None:
    copy = tmp_path / "study.md"
    copy.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    write_report(Results(SHIPPED), page=copy)
    assert not re.search(r"⟦|FOUND|SHORT[A-Z0-9]", PAGE.read_text(encoding="utf-8")), "a placeholder was left in"
    assert copy.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_shipped_results_are_of_known_arms_and_concepts() -> None:
    for path in SHIPPED.glob("*.json"):
        assert path.stem in all_names() | pair_names()
        known = {concept.name for concept in (HIDDEN if path.stem in pair_names() else STUDIED)}
        for row in Results().of(path.stem):
            assert row.concept in known
            assert 0 <= row.score["both"] <= min(row.score["concept"], row.score["obedience"])


def test_only_what_is_missing_is_run_in_pools_that_go_in_step(tmp_path: Path) -> None:
    results = Results(tmp_path)
    arms = [find_arm("batch-4"), find_arm("stratified")]
    results.add(_result(concept.name) for concept in STUDIED[:7])
    some = missing([replace(arm, seeds=(0,)) for arm in arms], results)
    assert [(t.arm.name, t.concept.name) for t in some[:2]] == [
        ("batch-4", STUDIED[7].name),
        ("stratified", STUDIED[0].name),
    ]
    assert len({t.name for t in some}) == len(some) == 9
    assert [len(pool) for pool in pools(some)] == [8, 1]
    apart = [replace(find_arm(name), seeds=(0,)) for name in ("clamp", "context-0.01", "ema")]
    assert [len(pool) for pool in pools(missing(apart, results))] == [8, 8, 8], (
        "one more pass of the text encoder a step"
    )


def test_every_arm_spends_the_same() -> None:
    for arm in (*ARMS, *PAIR_ARMS):
        if arm.words is None:
            assert arm.steps * arm.step_size in (BUDGET // 4, BUDGET, 2 * BUDGET, 4 * BUDGET, 5 * BUDGET)
    assert find_arm("pair").steps == find_arm("one-plain").steps // 2


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["judge", "--work", str(tmp_path)]) == 2
    assert "needs the embedding" in capsys.readouterr().err
    assert main(["run", "--concepts", "unicorn", "--work", str(tmp_path)]) == 2
    assert "teal-arch" in capsys.readouterr().err

"""Numbers over many results: means with their spread, rank correlation, what stopping earlier would have saved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean, pstdev

from ..core.run.stopping import has_settled, settling_window
from .results import Result


@dataclass(frozen=True, kw_only=True)
class Summary:
    """An arm at one number of evaluations. ``spread`` is the standard deviation of ``concept`` between hidden concepts,
    ``seed_spread`` that of its mean between seeds (None where the seeds have not all the same concepts)."""

    arm: str
    evaluations: int
    runs: int
    concepts: int
    concept: float
    spread: float
    seed_spread: float | None
    steps: int
    obedience: float
    both: float
    style: float | None
    loss_gone: float | None
    norm: float | None
    drift: float | None


def summaries(results: Iterable[Result]) -> list[Summary]:
    """One for each arm and number of evaluations, in the order in which they come; all seeds of a concept count as one."""
    found: dict[tuple[str, int], list[Result]] = {}
    for result in results:
        found.setdefault((result.arm, result.evaluations), []).append(result)
    return [_summary(group) for group in found.values()]


def _summary(group: Sequence[Result]) -> Summary:
    by_concept = [list(some) for _, some in groupby(sorted(group, key=_concept), key=_concept)]
    shares = [fmean(result.score["concept"] for result in some) for some in by_concept]
    gone = [1 - r.loss / r.start_loss for r in group if r.loss is not None and r.start_loss]
    return Summary(
        arm=group[0].arm,
        evaluations=group[0].evaluations,
        runs=len(group),
        concepts=len(by_concept),
        concept=fmean(shares),
        spread=pstdev(shares),
        seed_spread=_seed_spread(group),
        steps=group[0].steps,
        obedience=fmean(result.score["obedience"] for result in group),
        both=fmean(result.score["both"] for result in group),
        style=_mean([result.score["style"] for result in group if result.score["style"] is not None]),
        loss_gone=_mean(gone),
        norm=_mean([result.norm for result in group if result.norm is not None]),
        drift=_mean([result.drift for result in group if result.drift is not None]),
    )


def _seed_spread(group: Sequence[Result]) -> float | None:
    """Of the seeds that have every concept; two at least."""
    by_seed: dict[int, dict[str, float]] = {}
    for result in group:
        by_seed.setdefault(result.seed, {})[result.concept] = result.score["concept"]
    every = {result.concept for result in group}
    means = [fmean(shares.values()) for shares in by_seed.values() if set(shares) == every]
    return pstdev(means) if len(means) > 1 else None


def _concept(result: Result) -> str:
    return result.concept


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def rank_correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Spearman's rho; None for fewer than three pairs or where one side never changes."""
    if len(pairs) < 3:
        return None
    first, second = (_ranks([pair[side] for pair in pairs]) for side in (0, 1))
    if pstdev(first) == 0 or pstdev(second) == 0:
        return None
    middle = fmean(first)
    covariance = fmean((a - middle) * (b - middle) for a, b in zip(first, second, strict=True))
    return covariance / (pstdev(first) * pstdev(second))


def _ranks(values: Sequence[float]) -> list[float]:
    """Equal values share the mean of their places."""
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) - 1) / 2 for value in values]


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Effect of stopping by itself on a run: steps saved, and how much worse the best loss until then is."""

    saved: float
    worse: float


def stop_of(result: Result) -> Stop | None:
    """By the engine's own rule, on the losses that the run told; None without them."""
    curve = list(result.curve)
    if len(curve) < 3:
        return None
    every = curve[1][0] - curve[0][0]
    window = settling_window(steps=curve[-1][0], every=every)
    losses = [loss for _, loss in curve]
    ends = [end for end in range(1, len(losses) + 1) if has_settled(losses[:end], window=window)]
    end = ends[0] if ends else len(losses)
    return Stop(saved=1 - curve[end - 1][0] / curve[-1][0], worse=min(losses[:end]) / min(losses) - 1)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Runs that were judged at several steps: mean concept at the last step, at that of the least fixed-batch loss, and at the
    step that the truth would choose."""

    runs: int
    last: float
    chosen: float
    best: float


def choice_of(results: Iterable[Result]) -> Choice | None:
    """Of an arm's results; None where no run was judged at three steps or more."""
    runs: dict[tuple[str, int], list[tuple[int, float, float]]] = {}
    for result in results:
        if result.loss is not None:
            point = (result.steps, result.loss, float(result.score["concept"]))
            runs.setdefault((result.concept, result.seed), []).append(point)
    several = [sorted(points) for points in runs.values() if len(points) >= 3]
    if not several:
        return None
    return Choice(
        runs=len(several),
        last=fmean(points[-1][2] for points in several),
        chosen=fmean(min(points, key=lambda point: point[1])[2] for points in several),
        best=fmean(max(share for *_, share in points) for points in several),
    )

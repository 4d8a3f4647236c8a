"""Trains and judges what has no result yet, a pool of trainings at a time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from ..core.embedding.pair import negative_name
from ..core.model.host import Host, Lease, LeaseRequest
from ..demo.grader import Grader
from ..demo.models import with_plain_attention
from ..hosts.standalone.host import StandaloneHost
from .arm import Arm
from .arms import find_arm
from .compiled import with_compiled_batches
from .concepts import HiddenConcept
from .judging import judge
from .painting import USUAL
from .pool import Pool
from .results import Result, Results
from .training import PooledHost, Trained, Training, begin, follow, left_by

POOL_PICTURES = 32
"""Evaluations in one joint pass of the U-Net: the quickest on a processor with matrix units."""


def run_study(
    arms: Sequence[Arm],
    results: Results,
    *,
    work: Path,
    hours: float = float("inf"),
    concepts: Sequence[HiddenConcept] | None = None,
    precision: str = "bfloat16",
    compiled: bool = False,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
) -> None:
    """Do all that is missing, in the arms' order; no new pool is begun after ``hours``.

    ``concepts`` None are each arm's own. ``compiled`` computes the usual batches by ``torch.compile``.
    """
    until = time.monotonic() + hours * 3600
    host = StandaloneHost(embeddings_dir=work / "embeddings", threads=1)
    grader = Grader.load()
    unet = with_plain_attention(host.load(LeaseRequest(precision=precision)).networks.unet)  # type: ignore[arg-type]
    if compiled:
        with_compiled_batches(unet, {POOL_PICTURES, 2 * USUAL.batch})
    with host.lease(LeaseRequest(precision=precision)) as lease:  # type: ignore[arg-type]
        for pool in pools(missing(arms, results, concepts)):
            if time.monotonic() > until:
                say("The time is over; the same command goes on from here.")
                return
            began = time.monotonic()
            for result in _results(pool, host, lease, grader, work):
                results.add([result])
                say(_line(result))
            say(f"{len(pool)} runs of {pool[0].arm.name} and others in {time.monotonic() - began:.0f} s")


def missing(arms: Sequence[Arm], results: Results, concepts: Sequence[HiddenConcept] | None = None) -> list[Training]:
    """List what has no result, in order; untrained arms once, as no seed decides anything there. ``concepts`` None are each arm's."""
    wanted: list[Training] = []
    for arm in arms:
        for seed in arm.seeds[:1] if arm.words else arm.seeds:
            for concept in arm.concepts if concepts is None else concepts:
                if not results.has(arm.name, concept.name, seed):
                    wanted.append(Training(arm=arm, concept=concept, seed=seed, name=f"zq{len(wanted) % 1000:03d}"))
    return wanted


def pools(trainings: Iterable[Training]) -> Iterator[list[Training]]:
    """Neighbours that ask the model for the same things at every step together, up to ``POOL_PICTURES`` evaluations a pass."""
    for (trains, batch, *_), group in groupby(trainings, key=_pace):
        some, size = list(group), max(1, POOL_PICTURES // batch) if trains else 1
        yield from (some[start : start + size] for start in range(0, len(some), size))


def _pace(training: Training) -> tuple[object, ...]:
    arm = training.arm
    terms = tuple(bool(arm.train.get(name)) for name in ("context_weight", "reconstruction"))
    return arm.trains, arm.pass_size, arm.steps, *terms


def _results(pool: Sequence[Training], host: Host, lease: Lease, grader: Grader, work: Path) -> Iterator[Result]:
    if pool[0].arm.words:
        yield from (_untrained(training, lease, grader) for training in pool)
        return
    if pool[0].arm.of:
        for training in pool:
            of = find_arm(pool[0].arm.of)
            yield from _judged(training, left_by(of, training.concept, training.seed, work=work), lease, grader)
        return
    for training, trained in zip(pool, _trained(pool, host, lease, work), strict=True):
        yield from _judged(training, trained, lease, grader)


def _trained(pool: Sequence[Training], host: Host, lease: Lease, work: Path) -> list[Trained]:
    meeting = Pool(lease, members=len(pool))
    hosts = [PooledHost(host, meeting, work / "embeddings" / training.folder) for training in pool]
    configs = [begin(training, own, work) for training, own in zip(pool, hosts, strict=True)]

    def member(place: int) -> Trained:
        with meeting.taking_part():
            return follow(pool[place], configs[place], hosts[place])

    with ThreadPoolExecutor(max_workers=len(pool)) as threads:
        return list(threads.map(member, range(len(pool))))


def _untrained(training: Training, lease: Lease, grader: Grader) -> Result:
    words = getattr(training.concept, training.arm.words or "word")
    score = judge(lease, grader, training.concept, stands_for=words, embeddings={})
    return Result(
        arm=training.arm.name,
        concept=training.concept.name,
        seed=training.seed,
        evaluations=0,
        score=vars(score),
        outcome="untrained",
    )


def _judged(training: Training, trained: Trained, lease: Lease, grader: Grader) -> Iterator[Result]:
    """A result for every step that was kept, the last one last: it is what tells that all is done."""
    arm = training.arm
    for step, kept in sorted(trained.kept.items()):
        score = judge(
            lease,
            grader,
            training.concept,
            stands_for=training.name,
            embeddings=kept.named(training.name),
            negative=negative_name(training.name) if kept.negative and not arm.alone else "",
            settings=replace(USUAL, guidance_scale=arm.guidance_scale),
        )
        seen = [event for event in trained.evaluated if event.step <= step]
        yield Result(
            arm=arm.name,
            concept=training.concept.name,
            seed=training.seed,
            evaluations=step * arm.step_size,
            score=vars(score),
            steps=step,
            loss=seen[-1].loss if seen else None,
            start_loss=seen[0].loss if seen else None,
            norm=trained.norms.get(step),
            gain=seen[-1].gain if seen else None,
            drift=seen[-1].drift if seen else None,
            outcome=trained.outcome if step == trained.step else "",
            curve=tuple((event.step, round(event.loss, 6)) for event in seen),
        )


def _line(result: Result) -> str:
    shares = ", ".join(f"{key} {value}" for key, value in result.score.items() if key != "shown")
    return f"{result.arm} {result.concept} seed {result.seed} at {result.evaluations}: {shares}; loss {result.loss}"

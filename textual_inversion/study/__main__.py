"""`python -m textual_inversion.study`: computes what is missing of the study, and goes on when it is run again.

`… report` writes the tables and the bars of docs/study.md anew, `… sheet` the pictures of what was trained in the work folder. `… judge FILE --concept C` judges an embedding that
another trainer made of a concept's pictures, which `… pictures` writes.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from ..core.base.errors import InputError
from ..core.formats import read_embedding
from ..core.model.host import LeaseRequest
from ..demo.grader import Grader
from ..hosts.standalone.host import StandaloneHost
from .arms import ARMS, OTHER_TRAINER, find_arm
from .concepts import HIDDEN, STUDIED, HiddenConcept, write_training_folder
from .judging import judge
from .pair_arms import PAIR_ARMS
from .report import PAGE, write_report
from .results import SHIPPED, Result, Results
from .runner import run_study
from .sheet import study_sheet


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        _TASKS[options.task](options)
    except InputError as error:
        sys.stderr.write(f"{error.message}\n")
        return error.exit_code
    return 0


def _run(options: argparse.Namespace) -> None:
    arms = [find_arm(name) for name in options.only] if options.only else [*ARMS, *PAIR_ARMS]
    if options.seeds:
        arms = [replace(arm, seeds=tuple(seed for seed in arm.seeds if seed in options.seeds)) for arm in arms]
    run_study(
        arms,
        Results(options.results),
        work=options.work,
        hours=options.hours,
        concepts=[_concept(name) for name in options.concepts] if options.concepts else None,
        precision=options.precision,
        compiled=options.compile,
    )


def _report(options: argparse.Namespace) -> None:
    write_report(Results(options.results), page=options.page)


def _pictures(options: argparse.Namespace) -> None:
    for concept in STUDIED:
        write_training_folder(options.work / "pictures" / concept.name, concept, count=find_arm("batch-4").pictures)
        sys.stdout.write(f"{options.work / 'pictures' / concept.name}: init text {concept.word!r}\n")


def _judge(options: argparse.Namespace) -> None:
    """A result of the arm for other trainers, kept like all others."""
    if options.file is None or not options.concept:
        raise InputError("judge needs the embedding's FILE and --concept.")
    concept = _concept(options.concept)
    with _host(options).lease(LeaseRequest(precision=options.precision)) as lease:
        widths = {key: encoder.width for key, encoder in lease.encoders.items()}
        vectors = read_embedding(options.file).for_encoders(widths)
        score = judge(lease, Grader.load(), concept, stands_for="zq000", embeddings={"zq000": vectors})
    Results(options.results).add(
        [
            Result(
                arm=OTHER_TRAINER,
                concept=concept.name,
                seed=options.seed,
                evaluations=options.evaluations,
                score=vars(score),
                outcome="judged",
            )
        ]
    )
    sys.stdout.write(f"{vars(score)}\n")


def _concept(name: str) -> HiddenConcept:
    known = {concept.name: concept for concept in HIDDEN}
    if name not in known:
        raise InputError(f"There is no concept {name!r}; there are {', '.join(known)}.")
    return known[name]


def _sheet(options: argparse.Namespace) -> None:
    with _host(options).lease(LeaseRequest(precision=options.precision)) as lease:
        study_sheet(lease, options.work).save(options.page.with_name("study-pictures.png"), optimize=True)


def _host(options: argparse.Namespace) -> StandaloneHost:
    return StandaloneHost(embeddings_dir=options.work / "none", threads=1)


_TASKS = {"run": _run, "sheet": _sheet, "report": _report, "pictures": _pictures, "judge": _judge}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m textual_inversion.study", description=__doc__)
    parser.add_argument("task", nargs="?", default="run", choices=list(_TASKS), help="run when left out")
    parser.add_argument("file", nargs="?", type=Path, help="judge: the embedding")
    parser.add_argument(
        "--only",
        nargs="*",
        choices=[arm.name for arm in (*ARMS, *PAIR_ARMS)],
        metavar="ARM",
        help="run these arms only",
    )
    parser.add_argument("--concepts", nargs="*", metavar="C", help="run these concepts only")
    parser.add_argument("--seeds", nargs="*", type=int, metavar="S", help="run these seeds only")
    parser.add_argument("--hours", type=float, default=float("inf"), help="begin nothing new after this time")
    parser.add_argument("--results", type=Path, default=SHIPPED, help="folder of the JSON files")
    parser.add_argument("--page", type=Path, default=PAGE, help="report: the page to rewrite")
    parser.add_argument("--work", type=Path, default=Path("outputs/study"), help="folder for pictures and runs")
    parser.add_argument(
        "--precision",
        default="bfloat16",
        choices=["bfloat16", "float32"],
        help="of the U-Net; the reconstruction loss decodes in bfloat16",
    )
    parser.add_argument("--compile", action="store_true", help="use torch.compile (needs a C++ compiler)")
    parser.add_argument("--concept", help="judge: what it was trained on")
    parser.add_argument("--seed", type=int, default=0, help="judge: of its training")
    parser.add_argument("--evaluations", type=int, default=0, help="judge: pictures that it was trained with")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

"""`docs/study.md`: writes the tables anew between their marks, and the picture beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

from ..core.base.errors import InputError
from ..core.base.files import write_text
from .arms import ARMS, all_names, pair_names
from .bars import bars
from .concepts import HIDDEN, STUDIED, HiddenConcept
from .figures import Summary, choice_of, rank_correlation, stop_of, summaries
from .results import Result, Results

PAGE = Path(__file__).resolve().parents[2] / "docs" / "study.md"


def write_report(results: Results, *, page: Path = PAGE) -> None:
    """Rewrite what stands between ``<!-- NAME -->`` and ``<!-- /NAME -->`` of the page, and ``study.png`` beside it.

    Raises InputError where the page has not the marks.
    """
    text = page.read_text(encoding="utf-8")
    for says, tables in ((all_names(), _TABLES), (pair_names(), _PAIR_TABLES)):
        rows = [result for name in says for result in results.of(name)]
        for name, table in tables.items():
            text = _replaced(text, name, table(rows, says))
    write_text(page, text)
    _write_picture(results, page.with_suffix(".png"))


def _write_picture(results: Results, path: Path) -> None:
    """The bars of the arms that have every concept."""
    found = summaries(result for name in all_names() for result in results.of(name))
    whole = [each for each in found if each.concepts == len(STUDIED)]
    if whole:
        rows = [(f"{each.arm}, {each.evaluations}", each.concept, each.obedience) for each in whole]
        bars(rows).save(path, optimize=True)


def _replaced(text: str, name: str, table: str) -> str:
    marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not marked.search(text):
        raise InputError(f"The page has no place for the table {name!r}.")
    return marked.sub(lambda match: f"{match[1]}{table}{match[2]}", text)


_ARMS_HEAD = (
    "arm",
    "what it is",
    "evaluations",
    "runs",
    "concept",
    "between seeds",
    "obedience",
    "style",
    "both",
    "loss gone",
    "norm",
    "drift",
)
_PAIRS_HEAD = (
    "arm",
    "what it is",
    "steps",
    "evaluations",
    "runs",
    "concept",
    "between seeds",
    "obedience",
    "style",
    "both",
)


def _arms_table(rows: Sequence[Result], says: dict[str, str]) -> str:
    return _table(_ARMS_HEAD, [_arm_cells(each, says) for each in summaries(rows)])


def _arm_cells(each: Summary, says: dict[str, str]) -> list[str]:
    return [
        each.arm,
        says[each.arm],
        str(each.evaluations),
        _runs(each, STUDIED),
        *_shares(each),
        _percent(each.loss_gone),
        _number(each.norm),
        _number(each.drift),
    ]


def _pairs_table(rows: Sequence[Result], says: dict[str, str]) -> str:
    return _table(_PAIRS_HEAD, [_pair_cells(each, says) for each in summaries(rows)])


def _pair_cells(each: Summary, says: dict[str, str]) -> list[str]:
    return [
        each.arm,
        says[each.arm],
        str(each.steps),
        str(each.evaluations),
        _runs(each, HIDDEN),
        *_shares(each),
    ]


def _shares(each: Summary) -> list[str]:
    return [
        f"{_percent(each.concept)} ± {_percent(each.spread)}",
        "" if each.seed_spread is None else f"± {_percent(each.seed_spread)}",
        _percent(each.obedience),
        _percent(each.style),
        _percent(each.both),
    ]


def _runs(each: Summary, of: Sequence[HiddenConcept]) -> str:
    return str(each.runs) if each.concepts == len(of) else f"{each.runs} ({each.concepts} concepts)"


def _concepts_table(rows: Sequence[Result], _says: dict[str, str]) -> str:
    return _table(("arm", *[concept.name for concept in STUDIED]), _concept_lines(rows, STUDIED))


def _pair_concepts_table(rows: Sequence[Result], _says: dict[str, str]) -> str:
    return _table(("arm", *[concept.name for concept in HIDDEN]), _concept_lines(rows, HIDDEN))


def _concept_lines(rows: Sequence[Result], concepts: Sequence[HiddenConcept]) -> list[list[str]]:
    lines: list[list[str]] = []
    for arm, evaluations in dict.fromkeys((row.arm, row.evaluations) for row in rows):
        mine = [row for row in rows if (row.arm, row.evaluations) == (arm, evaluations)]
        shares = [[row.score["concept"] for row in mine if row.concept == concept.name] for concept in concepts]
        lines.append([f"{arm}, {evaluations}", *(_percent(fmean(some)) if some else "" for some in shares)])
    return lines


def _stops_table(rows: Sequence[Result], says: dict[str, str]) -> str:
    lines: list[list[str]] = []
    for arm in says:
        stops = [stop for row in rows if row.arm == arm and row.outcome for stop in [stop_of(row)] if stop]
        if stops:
            worse = [each.worse for each in stops]
            saved = _percent(fmean(each.saved for each in stops))
            lines.append([arm, str(len(stops)), saved, f"{_percent(fmean(worse))} (at most {_percent(max(worse))})"])
    return _table(("arm", "runs", "steps saved", "best loss until then, above the best"), lines)


def _choices_table(rows: Sequence[Result], says: dict[str, str]) -> str:
    lines: list[list[str]] = []
    for arm in says:
        choice = choice_of(row for row in rows if row.arm == arm)
        if choice:
            lines.append([arm, str(choice.runs), *map(_percent, (choice.last, choice.chosen, choice.best))])
    return _table(("arm", "runs", "at the last step", "at the least loss", "at the best by the truth"), lines)


def _agreement_table(rows: Sequence[Result], _says: dict[str, str]) -> str:
    trained = [row for row in rows if row.evaluations]
    in_v = {arm.name for arm in ARMS if arm.train.get("loss_weighting") == "velocity"}
    weighted = [row for row in trained if row.arm in in_v]
    plain = [row for row in trained if row.arm not in in_v]
    measures: tuple[tuple[str, str, Sequence[Result], Callable[[Result], float | None]], ...] = (
        ("gain over the class word", "concept", trained, lambda row: row.gain),
        ("the same, loss of the noise", "concept", plain, lambda row: row.gain),
        ("the same, loss as an error in v", "concept", weighted, lambda row: row.gain),
        ("context drift", "obedience", trained, lambda row: row.drift),
        ("norm of the vectors", "obedience", trained, lambda row: row.norm),
    )
    lines: list[list[str]] = []
    for name, truth, some, figure in measures:
        pairs = [(value, row.score[truth]) for row in some if (value := figure(row)) is not None]
        rho = rank_correlation(pairs)
        lines.append([name, truth, str(len(pairs)), "" if rho is None else f"{rho:+.2f}"])
    return _table(("figure without the truth", "the truth", "runs", "rank correlation"), lines)


_Table = Callable[[Sequence[Result], dict[str, str]], str]
_TABLES: dict[str, _Table] = {
    "arms": _arms_table,
    "concepts": _concepts_table,
    "stops": _stops_table,
    "choices": _choices_table,
    "agreement": _agreement_table,
}
_PAIR_TABLES: dict[str, _Table] = {"pairs": _pairs_table, "pair-concepts": _pair_concepts_table}


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, ["---"] * len(head), *lines))


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"

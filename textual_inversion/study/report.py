"""`docs/study.md`: writes the tables anew between their marks, and the picture beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

from ..core.errors import InputError
from ..core.files import write_text
from .arms import all_names
from .bars import bars
from .concepts import STUDIED
from .figures import Summary, rank_correlation, stop_of, summaries
from .results import Result, Results

PAGE = Path(__file__).resolve().parents[2] / "docs" / "study.md"


def write_report(results: Results, *, page: Path = PAGE) -> None:
    """Rewrite what stands between ``<!-- NAME -->`` and ``<!-- /NAME -->`` of the page, and ``study.png`` beside it.

    Raises InputError where the page has not the marks.
    """
    says = all_names()
    rows = [result for name in says for result in results.of(name)]
    text = page.read_text(encoding="utf-8")
    for name, table in _TABLES.items():
        text = _replaced(text, name, table(rows, says))
    write_text(page, text)
    found = [each for each in summaries(rows) if each.runs >= len(STUDIED)]
    if found:
        picture = bars([(f"{each.arm}, {each.evaluations}", each.concept, each.obedience) for each in found])
        picture.save(page.with_suffix(".png"), optimize=True)


def _replaced(text: str, name: str, table: str) -> str:
    marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not marked.search(text):
        raise InputError(f"The page has no place for the table {name!r}.")
    return marked.sub(lambda match: f"{match[1]}{table}{match[2]}", text)


def _arms_table(rows: Sequence[Result], says: dict[str, str]) -> str:
    head = (
        "arm",
        "what it is",
        "evaluations",
        "runs",
        "concept",
        "obedience",
        "style",
        "both",
        "loss gone",
        "norm",
        "drift",
    )
    return "".join([_line(*head), _line(*["---"] * len(head)), *(_arm_line(each, says) for each in summaries(rows))])


def _arm_line(each: Summary, says: dict[str, str]) -> str:
    return _line(
        each.arm,
        says[each.arm],
        str(each.evaluations),
        _runs(each),
        f"{_percent(each.concept)} ± {_percent(each.spread)}",
        _percent(each.obedience),
        _percent(each.style),
        _percent(each.both),
        _percent(each.loss_gone),
        _number(each.norm),
        _number(each.drift),
    )


def _runs(each: Summary) -> str:
    return str(each.runs) if each.concepts == len(STUDIED) else f"{each.runs} ({each.concepts} concepts)"


def _concepts_table(rows: Sequence[Result], _says: dict[str, str]) -> str:
    points = list(dict.fromkeys((row.arm, row.evaluations) for row in rows))
    lines = [_line("arm", *[concept.name for concept in STUDIED]), _line(*["---"] * (1 + len(STUDIED)))]
    for arm, evaluations in points:
        cells: list[str] = []
        for concept in STUDIED:
            mine = [
                row.score["concept"]
                for row in rows
                if (row.arm, row.evaluations, row.concept) == (arm, evaluations, concept.name)
            ]
            cells.append(_percent(fmean(mine)) if mine else "")
        lines.append(_line(f"{arm}, {evaluations}", *cells))
    return "".join(lines)


def _stops_table(rows: Sequence[Result], says: dict[str, str]) -> str:
    lines = [_line("arm", "runs", "steps saved", "best loss until then, above the best"), _line(*["---"] * 4)]
    for arm in says:
        stops = [stop for row in rows if row.arm == arm and row.outcome for stop in [stop_of(row)] if stop]
        if stops:
            lines.append(
                _line(
                    arm,
                    str(len(stops)),
                    _percent(fmean(each.saved for each in stops)),
                    f"{_percent(fmean(each.worse for each in stops))} (at most {_percent(max(each.worse for each in stops))})",
                )
            )
    return "".join(lines)


def _agreement_table(rows: Sequence[Result], _says: dict[str, str]) -> str:
    trained = [row for row in rows if row.evaluations]
    measures: tuple[tuple[str, str, Callable[[Result], float | None]], ...] = (
        ("gain over the class word", "concept", lambda row: row.gain if row.gain is not None else _gone(row)),
        ("context drift", "obedience", lambda row: row.drift),
        ("norm of the vectors", "obedience", lambda row: row.norm),
    )
    lines = [_line("figure without the truth", "the truth", "runs", "rank correlation"), _line(*["---"] * 4)]
    for name, truth, figure in measures:
        pairs = [(value, row.score[truth]) for row in trained if (value := figure(row)) is not None]
        rho = rank_correlation(pairs)
        lines.append(_line(name, truth, str(len(pairs)), "" if rho is None else f"{rho:+.2f}"))
    return "".join(lines)


def _gone(row: Result) -> float | None:
    return 1 - row.loss / row.start_loss if row.loss is not None and row.start_loss else None


_TABLES: dict[str, Callable[[Sequence[Result], dict[str, str]], str]] = {
    "arms": _arms_table,
    "concepts": _concepts_table,
    "stops": _stops_table,
    "agreement": _agreement_table,
}


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"

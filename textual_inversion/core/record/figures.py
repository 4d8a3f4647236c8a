"""The figures of a run: one row each, from which its column, its TensorBoard curve and its line in the page's charts come.

A new figure is a field of an event (``events.py``), filled where the event is made, and a row here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from .events import Evaluated, Event, Stepped

Style = Literal["line", "faint", "dots"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a chart. Lines of one ``chart`` are drawn together; ``label`` is its name in the legend."""

    chart: str
    label: str
    style: Style = "line"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """The field ``name`` of an event. Empty for no column and no curve, None for no line.

    ``form`` is how a number is written in the table.
    """

    name: str
    of_event: type[Event]
    csv: str = ""
    form: str = ""
    tensorboard: str = ""
    chart: Line | None = None


FIGURES = (
    Figure(name="step", of_event=Stepped, csv="step"),
    Figure(name="epoch", of_event=Stepped, csv="epoch"),
    Figure(name="epoch_step", of_event=Stepped, csv="epoch_step"),
    Figure(
        name="loss",
        of_event=Stepped,
        csv="loss",
        form=".7f",
        tensorboard="loss",
        chart=Line(chart="Loss", label="loss", style="faint"),
    ),
    Figure(
        name="learn_rate",
        of_event=Stepped,
        csv="learn_rate",
        form=".7g",
        tensorboard="learn_rate",
        chart=Line(chart="Learning rate", label="rate"),
    ),
    Figure(
        name="smooth_loss",
        of_event=Stepped,
        csv="smooth_loss",
        form=".7f",
        tensorboard="smooth_loss",
        chart=Line(chart="Loss", label="smooth"),
    ),
    Figure(
        name="loss",
        of_event=Evaluated,
        csv="fixed_batch_loss",
        form=".7f",
        tensorboard="fixed_batch_loss",
        chart=Line(chart="Loss", label="fixed", style="dots"),
    ),
    Figure(
        name="gradient_norm",
        of_event=Stepped,
        csv="gradient_norm",
        form=".7g",
        tensorboard="gradient_norm",
        chart=Line(chart="Gradient norm", label="gradient", style="faint"),
    ),
    Figure(
        name="vector_norm",
        of_event=Stepped,
        csv="vector_norm",
        form=".7g",
        tensorboard="vector_norm",
        chart=Line(chart="Vector norm", label="norm"),
    ),
    Figure(name="gain", of_event=Evaluated, csv="gain", form=".7f", tensorboard="gain"),
    Figure(name="drift", of_event=Evaluated, csv="context_drift", form=".7f", tensorboard="context_drift"),
)

COLUMNS = tuple(figure.csv for figure in FIGURES if figure.csv)
"""Of the loss table: A1111's five first, then ours in the order in which they were added. New ones go to the end."""


def cells(event: Event) -> dict[str, str]:
    """The cells of the loss table that an event fills, by column."""
    return {each.csv: format(value, each.form) for each, value in _known(event) if each.csv}


def scalars(event: Event) -> dict[str, float]:
    """The points that an event adds to TensorBoard curves, by curve."""
    return {each.tensorboard: float(value) for each, value in _known(event) if each.tensorboard}


def charts() -> list[dict[str, Any]]:
    """Describe the page's charts, fit for JSON: for each its title and its lines, each with the event and the field to draw."""
    titles = dict.fromkeys(each.chart.chart for each in FIGURES if each.chart is not None)
    return [{"title": title, "lines": list(_lines(title))} for title in titles]


def _lines(title: str) -> Iterator[dict[str, str]]:
    for each in FIGURES:
        if each.chart is not None and each.chart.chart == title:
            yield {
                "event": each.of_event.kind,
                "field": each.name,
                "label": each.chart.label,
                "style": each.chart.style,
            }


def _known(event: Event) -> Iterator[tuple[Figure, Any]]:
    """The figures of an event that are known."""
    for each in FIGURES:
        if isinstance(event, each.of_event) and (value := getattr(event, each.name)) is not None:
            yield each, value

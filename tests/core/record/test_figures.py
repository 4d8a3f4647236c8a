"""The one table of figures: columns that tables have always had, fields that events really have, charts of the page."""

from __future__ import annotations

import dataclasses
import json

import pytest

from textual_inversion.core.record import figures
from textual_inversion.core.record.events import Evaluated, Prepared, Stepped, Warned
from textual_inversion.core.record.figures import COLUMNS, FIGURES, Figure, Line, cells, charts, scalars


def _stepped(**changes: object) -> Stepped:
    values = {
        "step": 7,
        "total_steps": 10,
        "epoch": 1,
        "epoch_step": 2,
        "loss": 0.25,
        "smooth_loss": 1 / 3,
        "learn_rate": 1e-7 / 3,
        "gradient_norm": 1234.56789,
        "vector_norm": 0.5,
        "seconds": 1.0,
        "eta_seconds": 3.0,
        "prompt": "a thing",
        **changes,
    }
    return Stepped(**values)  # type: ignore[arg-type]


def test_the_columns_are_a1111s_and_then_ours_in_the_order_they_came() -> None:
    assert (
        *("step", "epoch", "epoch_step", "loss", "learn_rate"),
        *("smooth_loss", "fixed_batch_loss", "gradient_norm", "vector_norm", "gain", "context_drift"),
    ) == COLUMNS


def test_every_figure_is_a_field_of_its_event() -> None:
    for figure in FIGURES:
        assert figure.name in {field.name for field in dataclasses.fields(figure.of_event)}


def test_a_step_fills_its_cells() -> None:
    assert cells(_stepped()) == {
        "step": "7",
        "epoch": "1",
        "epoch_step": "2",
        "loss": "0.2500000",
        "learn_rate": "3.333333e-08",
        "smooth_loss": "0.3333333",
        "gradient_norm": "1234.568",
        "vector_norm": "0.5",
    }


def test_a_measurement_fills_its_cells_and_leaves_out_what_is_unknown() -> None:
    measured = Evaluated(step=7, loss=0.125, best=True, gain=0.5)
    assert cells(measured) == {"fixed_batch_loss": "0.1250000", "gain": "0.5000000"}
    assert scalars(measured) == {"fixed_batch_loss": 0.125, "gain": 0.5}


def test_other_events_have_no_figures() -> None:
    assert cells(Warned(message="x")) == scalars(Warned(message="x")) == {}


def test_charts_name_the_field_of_each_line() -> None:
    described = json.loads(json.dumps(charts()))
    assert [chart["title"] for chart in described] == ["Loss", "Learning rate", "Gradient norm", "Vector norm"]
    assert described[0]["lines"] == [
        {"event": "step", "field": "loss", "label": "loss", "style": "faint"},
        {"event": "step", "field": "smooth_loss", "label": "smooth", "style": "line"},
        {"event": "evaluated", "field": "loss", "label": "fixed", "style": "dots"},
    ]


def test_a_new_figure_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Figure(
        name="pictures",
        of_event=Prepared,
        csv="pictures",
        tensorboard="pictures",
        chart=Line(chart="Pictures", label="pictures"),
    )
    monkeypatch.setattr(figures, "FIGURES", (*FIGURES, row))
    prepared = Prepared(
        name="a", run_dir="", start_step=0, total_steps=1, pictures=3, vectors=1, checkpoint="", device="cpu"
    )
    assert (cells(prepared), scalars(prepared)) == ({"pictures": "3"}, {"pictures": 3.0})
    assert charts()[-1]["title"] == "Pictures"

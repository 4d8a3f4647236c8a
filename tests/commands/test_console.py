"""What is written where, and with which exit code a command ends."""

from __future__ import annotations

import dataclasses
import io
import json
import os

import pytest
from fake_commands import FINISHED, STEPPED
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from textual_inversion import cli
from textual_inversion.commands.console import Console
from textual_inversion.commands.progress import ProgressBar
from textual_inversion.core.base.errors import DivergedError, InputError, ResourceError
from textual_inversion.core.base.json_values import finite
from textual_inversion.core.record import events


def test_json_is_all_that_goes_to_standard_output(host, engine, capsys):
    engine.during = lambda control: print("a library chatters")
    assert cli.main(["train", "cat", "--json"]) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["event"] for line in lines] == ["step", "finished"]
    assert lines[0]["loss"] is None, "NaN is no JSON"
    assert lines[-1]["files"] == ["e.pt"]
    assert "a library chatters" in err
    assert "Training finished." in err


def test_without_json_the_result_is_words(host, engine, capsys):
    cli.main(["train", "cat"])
    assert "Training finished." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("no such folder", field="data"), 2),
        (DivergedError("NaN twice"), 3),
        (ResourceError("disk full"), 4),
        (MemoryError(), 4),
        (RuntimeError("a bug"), 1),
    ],
)
def test_exit_codes_of_errors(host, engine, capsys, error, code):
    engine.finished = error
    assert cli.main(["train", "cat", "--json"]) == code
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]
    assert ("Traceback" in err) == (code == 1)
    if code != 1:
        assert len(err.strip().splitlines()) == 1


def test_a_refused_setting_names_the_option(host, engine, capsys):
    assert cli.main(["train", "cat", "--steps", "0"]) == 2
    assert capsys.readouterr().err == "Max steps: 0 is not between 1 and 10000000. (--steps)\n"
    assert engine.calls == []


@pytest.mark.parametrize("code", [0, 2, 3, 4, 130, 1])
def test_exit_code_is_that_of_the_run(host, engine, code):
    engine.finished = dataclasses.replace(FINISHED, exit_code=code)
    assert cli.main(["train", "cat"]) == code


def test_a_reader_that_left_ends_nothing():
    """As `| head`: the pipe is closed before anything is written to it."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        console = Console(json_output=True, out=out, err=io.StringIO())
        console.record({"a": 1})
        console.record({"a": 2})


def test_a_closed_terminal_ends_nothing():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as err, ProgressBar(Console(json_output=False, out=io.StringIO(), err=err)) as bar:
        for done in range(3):
            bar(events.Encoding(done=done, total=3))
            bar(events.Warned(message="odd"))


def test_the_bar_tells_step_loss_and_rate():
    err = io.StringIO()
    with ProgressBar(Console(json_output=False, out=io.StringIO(), err=err)) as bar:
        bar(
            events.Prepared(
                name="cat", run_dir="logs", start_step=10, total_steps=20, pictures=1, vectors=2, checkpoint="demo", device="cpu"
            )
        )  # fmt: skip
        bar(dataclasses.replace(STEPPED, step=11, total_steps=20))
        bar(events.Warned(message="odd picture"))
        bar(events.RolledBack(step=11, to_step=10, rate_scale=0.1, reason="the loss became nan"))
        bar(FINISHED)
    told = err.getvalue()
    assert "Training cat: 2 vectors, 1 picture, demo on cpu." in told
    assert told.rstrip().splitlines()[-1].split("|")[2].startswith(" 10/20")
    assert "loss 0.2000, rate 0.005" in told
    assert "Note: odd picture" in told
    assert "became nan" not in told, "the warning that comes with it tells"


@hypothesis_given(
    st.recursive(st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_finite_values_are_always_json(value):
    json.dumps(finite(value), allow_nan=False)

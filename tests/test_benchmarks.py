"""The benchmark measures what it says, with the demo world's miniature in place of large models."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks import report
from benchmarks.memory import PeakMemory
from benchmarks.step_cost import Case, measure
from textual_inversion.hosts.standalone.host import StandaloneHost


@pytest.fixture
def host(tmp_path):
    from tiny_checkpoint import write_tiny_checkpoint

    checkpoint = write_tiny_checkpoint(tmp_path / "checkpoint")
    return StandaloneHost(checkpoint=checkpoint, embeddings_dir=tmp_path)


def test_a_case_is_measured_with_the_engine(host, tmp_path):
    found = measure(
        Case(model="tiny", size=64, batch_size=2, recompute="selective", repeats=3), host, tmp_path
    )  # fmt: skip
    assert (found.model, found.size, found.batch_size, found.recompute, found.device) == (
        "tiny",
        64,
        2,
        "selective",
        "cpu",
    )
    assert found.step_cost_forwards > 0.7, "a step holds a forward, as far as a busy machine can measure one"
    assert found.steps_per_second > 0
    assert found.peak_memory_mb > 50


def test_json_holds_what_other_programs_read(host, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(report, "StandaloneHost", lambda **_: host)
    assert report.main(["--quick", "--json", "--model", "demo", "--repeats", "1"]) == 0
    out, err = capsys.readouterr()
    (row,) = json.loads(out)["results"]
    assert {"model", "size", "batch_size", "step_cost_forwards", "steps_per_second", "peak_memory_mb"} <= set(row)
    assert "forwards a step" in err


def test_peak_memory_sees_what_was_freed_again():
    with PeakMemory(torch.device("cpu")) as before:
        _some_time()
    with PeakMemory(torch.device("cpu")) as peak:
        block = torch.ones(40_000_000)
        _some_time()
        del block
    assert peak.megabytes > before.megabytes + 100


def _some_time() -> None:
    import time

    time.sleep(0.1)


def test_a_device_that_is_none_is_a_sentence(capsys):
    assert report.main(["--device", "toaster"]) == 2
    assert "'toaster' is no device" in capsys.readouterr().err

from __future__ import annotations

from pathlib import Path

import pytest
from engine_world import make_world
from tiny_models import make_tiny_checkpoint

from textual_inversion.core.embeddings_folder.first_vectors import initial_vectors
from textual_inversion.core.loss.context_drift import ContextDrift
from textual_inversion.core.model.host import Lease, LeaseRequest
from textual_inversion.core.record.events import Evaluated
from textual_inversion.hosts.standalone import StandaloneHost


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> StandaloneHost:
    folder = tmp_path_factory.mktemp("drift")
    return StandaloneHost(
        checkpoint=make_tiny_checkpoint(folder / "tiny.safetensors"), embeddings_dir=folder / "e", device="cpu"
    )


def _drift(lease: Lease, count: int = 2) -> ContextDrift:
    reference = initial_vectors(lease.encoders, method="text", text="red thing", count=count)
    return ContextDrift(lease=lease, name="zqx", reference=reference, size=(64, 64))


def test_the_class_word_itself_does_not_drift_and_others_do(host: StandaloneHost) -> None:
    with host.lease(LeaseRequest()) as lease:
        drift = _drift(lease)
        own = {key: rows.clone() for key, rows in drift.reference.items()}
        assert drift.measure(own) == pytest.approx(0, abs=1e-6)
        near = drift.measure({key: 1.5 * rows for key, rows in own.items()})
        far = drift.measure({key: -30 * rows for key, rows in own.items()})
    assert near is not None
    assert far is not None
    assert 0 < near < far <= 2


def test_the_term_s_gradient_is_that_of_the_figure(host: StandaloneHost) -> None:
    with host.lease(LeaseRequest()) as lease:
        drift = _drift(lease)
        rows = {key: (2 * value).requires_grad_() for key, value in drift.reference.items()}
        term = drift.term(rows, seed=0, step=3, count=99)
        assert term is not None
        assert drift.measure(rows) == pytest.approx(term.item(), abs=1e-6)
        term.backward()
        gradient = rows["clip_l"].grad
        assert gradient is not None
        step = 1e-2 * gradient / gradient.norm()
        moved = drift.measure({"clip_l": rows["clip_l"].detach() - step})
        assert moved is not None
        assert moved < term.item()
        assert term.item() - moved == pytest.approx(float((step * gradient).sum()), rel=0.05)


def test_an_embedding_that_fills_the_chunk_has_no_context(host: StandaloneHost) -> None:
    with host.lease(LeaseRequest()) as lease:
        drift = _drift(lease, count=75)
        assert drift.measure(drift.reference) is None
        assert drift.term(drift.reference, seed=0, step=0) is None


def test_every_run_tells_gain_and_drift(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.create(init_text="red thing")
    world.train(world.config(steps=20, evaluate_every=10, context_weight=0.01))
    first, *_, last = world.of(Evaluated)
    assert first.gain == pytest.approx(0, abs=1e-6)
    assert first.drift == pytest.approx(0, abs=1e-6)
    assert last.gain == pytest.approx(1 - last.loss / first.loss)
    assert last.drift not in (None, first.drift)


def test_a_run_that_goes_on_measures_against_the_first_words(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.create(init_text="red thing")
    world.train(world.config(steps=10, evaluate_every=10))
    before = world.of(Evaluated)[-1]
    world.events.clear()
    world.train(world.config(steps=20, evaluate_every=10))
    assert world.of(Evaluated)[0].gain == pytest.approx(before.gain, abs=1e-6)


def test_an_embedding_without_words_is_measured_against_its_beginning(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.create(init="noise")
    world.train(world.config(steps=10, evaluate_every=10))
    assert world.of(Evaluated)[0].gain == pytest.approx(0, abs=1e-6)


def test_the_weight_of_the_term_holds_the_context(tmp_path: Path) -> None:
    def trained(weight: float) -> float:
        world = make_world(tmp_path / str(weight))
        world.create(init_text="red thing")
        world.train(world.config(steps=40, evaluate_every=40, learning_rate="0.05", context_weight=weight))
        drift = world.of(Evaluated)[-1].drift
        assert drift is not None
        return drift

    assert trained(20.0) < trained(0.0)

"""Gradients of a pair against finite differences in float64, on a tiny Stable Diffusion, for each option."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from engine_world import make_world
from PIL import Image
from tiny_models import make_tiny_checkpoint

from textual_inversion.core.base.control import Control
from textual_inversion.core.embedding.pair import is_negative
from textual_inversion.core.embeddings_folder.create import create
from textual_inversion.core.loss.gradients import GradientStep
from textual_inversion.core.model.host import LeaseRequest, PredictionType
from textual_inversion.core.run.assembly import assemble
from textual_inversion.core.run.checks import prepare
from textual_inversion.hosts.recompute.recomputation import Recomputation
from textual_inversion.hosts.standalone import StandaloneHost
from textual_inversion.hosts.standalone.lease import StandaloneLease
from textual_inversion.hosts.standalone.loading import load_model
from textual_inversion.hosts.standalone.text.embeddings import EmbeddingLibrary

Gradients = tuple[GradientStep, dict[str, torch.Tensor]]
GradientsOf = Callable[..., Gradients]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[PredictionType, Path]:
    folder = tmp_path_factory.mktemp("tiny")
    kinds: tuple[PredictionType, ...] = ("epsilon", "v_prediction")
    return {kind: make_tiny_checkpoint(folder / f"{kind}.safetensors", prediction=kind) for kind in kinds}


@pytest.fixture
def gradients_of(checkpoints: dict[PredictionType, Path], tmp_path: Path) -> GradientsOf:
    """The gradient step of a run with the given settings, in float64, and a pair's vectors."""

    def made(prediction: PredictionType = "epsilon", **changes: Any) -> Gradients:
        world = make_world(tmp_path / str(len(list(tmp_path.iterdir()))))
        mask = Image.new("L", (64, 64), 40)
        mask.paste(255, (0, 0, 32, 64))
        mask.save(world.folder / "pictures" / "0_att.png")
        host = StandaloneHost(
            checkpoint=checkpoints[prediction],
            embeddings_dir=world.folder / "embeddings",
            template_dirs=world.host.template_dirs,
            device="cpu",
        )
        create(host, name="thing", init_text="red", vectors=2, apt=True, negative_vectors=3, negative_init_noise=0.01)
        config = world.config(apt=True, **changes)
        lease = _in_float64(host)
        job = prepare(config, host, resume=None, from_step=None)
        trainer = assemble(job, lease, control=Control(), emit=lambda _: None)
        vectors = {key: rows.detach().double().requires_grad_() for key, rows in trainer.learner.vectors.items()}
        return trainer.gradients, vectors

    return made


def _in_float64(host: StandaloneHost) -> StandaloneLease:
    model = load_model(host.checkpoint, device=torch.device("cpu"), unet_dtype=torch.float64)
    for module in model.modules():
        module.double()
        for tower in model.networks.text.values():
            assert tower.projection is None
    return StandaloneLease(
        model,
        request=LeaseRequest(),
        library=EmbeddingLibrary(host.embeddings_dir / "none"),
        recomputation=Recomputation(model.networks.unet, "none"),
        still_loaded=lambda: True,
    )


def _check_against_differences(gradients: GradientStep, vectors: dict[str, torch.Tensor]) -> None:
    gradients.run(vectors, 3)
    found = {key: rows.grad for key, rows in vectors.items()}
    source = torch.Generator().manual_seed(1)
    for key, rows in vectors.items():
        gradient = found[key]
        assert gradient is not None, f"{key} got no gradient"
        direction = torch.randn(rows.shape, generator=source, dtype=torch.float64)
        values = []
        for sign in (1, -1):
            moved = {each: other.detach().clone() for each, other in vectors.items()}
            moved[key] += sign * 1e-5 * direction
            values.append(gradients.run(moved, 3).loss)
        slope = (values[0] - values[1]) / 2e-5
        assert slope == pytest.approx(float((gradient * direction).sum()), rel=1e-3, abs=1e-8), key


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"guidance": "1.5-3.0:cos"},
        {"guidance": "5"},
        {"halves_in_turn": True},
        {"gradient_accumulation": 3},
        {"batch_size": 2, "masks": True},
        {"negative_filewords": False},
        {"reconstruction": 1.0},
        {"reconstruction": 0.5, "prediction": "v_prediction", "masks": True, "halves_in_turn": True},
        {"prediction": "v_prediction"},
        {"min_snr_gamma": 5.0, "loss": "huber"},
    ],
    ids=str,
)
def test_both_halves_get_the_gradient_of_finite_differences(gradients_of: GradientsOf, options: dict[str, Any]) -> None:
    """float32 noise, latents and losses are part of the function; only the vectors are moved."""
    _check_against_differences(*gradients_of(**options))


@pytest.mark.parametrize("options", [{}, {"reconstruction": 1.0, "batch_size": 2}], ids=str)
def test_one_half_after_the_other_gives_the_same_gradient(gradients_of: GradientsOf, options: dict[str, Any]) -> None:
    at_once, vectors = gradients_of(**options)
    in_turn, others = gradients_of(**options, halves_in_turn=True)
    assert at_once.run(vectors, 0).loss == pytest.approx(in_turn.run(others, 0).loss, rel=1e-12)
    for key, rows in vectors.items():
        assert rows.grad is not None
        assert torch.allclose(rows.grad, others[key].grad, rtol=1e-9, atol=1e-15), key  # type: ignore[arg-type]


def test_every_micro_batch_counts(gradients_of: GradientsOf) -> None:
    """DreamArtist cleared the gradient before the last two, so with more than two only those counted."""
    gradients, vectors = gradients_of(gradient_accumulation=4)
    whole = gradients.run(vectors, 0)
    total = {key: torch.zeros_like(rows) for key, rows in vectors.items()}
    for micro in range(4):
        apart = {key: rows.detach().clone().requires_grad_() for key, rows in vectors.items()}
        losses = gradients.losses_of(apart, gradients.drawn(0, micro))
        (losses.mean() / 4).backward()
        total = {key: each + apart[key].grad for key, each in total.items()}  # type: ignore[operator]
    assert whole.loss > 0
    for key, rows in vectors.items():
        assert torch.allclose(rows.grad, total[key], rtol=1e-9, atol=1e-15)  # type: ignore[arg-type]


def test_the_guided_prediction_is_that_of_a_sampler(gradients_of: GradientsOf) -> None:
    """e_neg + s (e_pos - e_neg), each half from a prediction of its own."""
    gradients, vectors = gradients_of(guidance="2-4")
    lease: Any = gradients.lease
    noisy = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    timesteps = torch.tensor([999])
    prompts = gradients.prompts.draw([0], step=0, micro=0)
    with torch.no_grad():
        guided = gradients.predictor(vectors, noisy=noisy, timesteps=timesteps, prompts=prompts, size=(64, 64))
        alone = {}
        for name, text, negative in (("thing", prompts[0].text, False), ("thing-neg", prompts[0].negative, True)):
            assert name in text
            half = {"clip_l": next(rows for key, rows in vectors.items() if is_negative(key) == negative)}
            conditioning = lease.encode_prompts([text], embeddings={name: half}, width=64, height=64)
            alone[name] = lease.predict(noisy, timesteps, conditioning)
    expected = alone["thing-neg"] + 4 * (alone["thing"] - alone["thing-neg"])
    assert torch.allclose(guided, expected, rtol=1e-9, atol=1e-12)

"""SDXL's children say in marks how they were trained; what is found leads to training and pictures that fit, and is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler
from safetensors.torch import load_file, save_file
from tiny_models import make_tiny_checkpoint

from textual_inversion.core.loss.noise import add_noise, velocity
from textual_inversion.core.loss.objective import Objective
from textual_inversion.core.model.host import LeaseRequest, NoiseSchedule, PictureRequest, PredictionType
from textual_inversion.core.settings.objective import ObjectiveSettings
from textual_inversion.hosts.standalone import StandaloneHost
from textual_inversion.hosts.standalone.checkpoint.layout import ScheduleLayout
from textual_inversion.hosts.standalone.checkpoint.marks import marks_of
from textual_inversion.hosts.standalone.loading import LoadedModel, load_model
from textual_inversion.hosts.standalone.sampling.samplers import find_sampler, sampler_names

EMPTY = torch.empty(0)
ZERO = ScheduleLayout(zero_terminal_snr=True).alphas_cumprod()


@pytest.fixture
def marked_file(tmp_path: Path):
    """A tiny SDXL checkpoint with the given marks, as trainers of v-prediction models write them."""

    def make(tensors: Mapping[str, torch.Tensor] = {}, metadata: Mapping[str, str] = {}) -> Path:
        path = make_tiny_checkpoint(tmp_path / "child.safetensors", family="sdxl")
        save_file({**load_file(path), **tensors}, path, metadata=dict(metadata) or None)
        return path

    return make


def load(path: Path) -> LoadedModel:
    return load_model(path, device=torch.device("cpu"), unet_dtype=torch.float32)


@pytest.mark.parametrize(
    ("tensors", "metadata", "prediction", "zero"),
    [
        ({}, {}, None, False),
        ({"v_pred": EMPTY}, {}, "v_prediction", False),
        ({"v_pred": EMPTY, "ztsnr": EMPTY}, {}, "v_prediction", True),
        ({}, {"modelspec.prediction_type": "v"}, "v_prediction", False),
        ({}, {"modelspec.prediction_type": "v_prediction", "ss_zero_terminal_snr": "True"}, "v_prediction", True),
        ({}, {"modelspec.prediction_type": "epsilon"}, "epsilon", False),
        ({"alphas_cumprod": torch.tensor([0.99, 0.5, 0.0])}, {}, None, True),
        ({"alphas_cumprod": torch.tensor([0.99, 0.5, 4.9e-8])}, {}, None, True),
        ({"alphas_cumprod": torch.tensor([0.99, 0.5, 0.0047])}, {"ss_zero_terminal_snr": "False"}, None, False),
    ],
)
def test_marks(
    tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str], prediction: PredictionType | None, zero: bool
) -> None:
    marks = marks_of(tensors, metadata)
    assert (marks.prediction, marks.zero_terminal_snr) == (prediction, zero)
    assert bool(marks.named) == (prediction == "v_prediction" or zero)


def test_a_marked_file_is_a_v_model_with_a_schedule_that_ends_at_zero_and_says_so(marked_file) -> None:
    model = load(marked_file({"v_pred": EMPTY, "ztsnr": EMPTY}))
    assert model.schedule.prediction_type == "v_prediction"
    assert model.schedule.alphas_cumprod[-1] == 0
    told = [each for each in model.layout.warnings if "zero terminal SNR" in each]
    assert told == [
        "The checkpoint predicts v-prediction with zero terminal SNR (marked by v_pred, ztsnr; its U-Net answers so)."
    ]
    assert any(
        "The .yaml beside the checkpoint says epsilon, the file itself v_prediction" in w for w in model.layout.warnings
    )


def test_an_ordinary_file_says_nothing(marked_file) -> None:
    model = load(marked_file())
    assert (model.schedule.prediction_type, model.layout.warnings) == ("epsilon", ())
    assert model.schedule.alphas_cumprod[-1].item() == pytest.approx(0.00466, abs=1e-5)


def test_a_mark_that_the_u_net_contradicts_is_told() -> None:
    """The demo checkpoint predicts epsilon, whatever a mark says."""
    from textual_inversion.hosts.standalone.checkpoint.marks import Marks, told
    from textual_inversion.hosts.standalone.host import DEMO_CHECKPOINT
    from textual_inversion.hosts.standalone.loading import measured_prediction

    demo = load(DEMO_CHECKPOINT)
    measured = measured_prediction(demo.networks, demo.layout, torch.device("cpu"))
    assert measured == "epsilon"
    marks = Marks(prediction="v_prediction", zero_terminal_snr=False, named=("v_pred",))
    line = told(marks, "v_prediction", zero_terminal_snr=False, measured=measured)
    assert line is not None
    assert "marked by v_pred" in line
    assert "answers as one of epsilon does" in line
    assert "use a file without it" in line


def test_the_schedule_is_that_of_diffusers() -> None:
    theirs = DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", rescale_betas_zero_snr=True
    )
    torch.testing.assert_close(ZERO.float(), theirs.alphas_cumprod, atol=1e-5, rtol=0)
    assert ZERO[0].item() == pytest.approx(ScheduleLayout().alphas_cumprod()[0].item(), abs=1e-9)


def test_losses_are_those_of_diffusers_and_of_onetrainer() -> None:
    """At levels from the first to pure noise: what is added, the target, and the loss; OneTrainer rescales the same way."""
    theirs = DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", rescale_betas_zero_snr=True
    )
    generator = torch.Generator().manual_seed(1)
    latents, noise, answer = (torch.randn(6, 4, 8, 8, generator=generator) for _ in range(3))
    timesteps = torch.tensor([0, 100, 500, 900, 998, 999])
    alphas = ZERO[timesteps]
    torch.testing.assert_close(
        add_noise(latents, noise, alphas), theirs.add_noise(latents, noise, timesteps), atol=1e-5, rtol=1e-5
    )
    target = theirs.get_velocity(latents, noise, timesteps)
    torch.testing.assert_close(velocity(latents, noise, alphas), target, atol=1e-5, rtol=1e-5)
    schedule = NoiseSchedule(alphas_cumprod=ZERO, prediction_type="v_prediction")
    objective = Objective(schedule=schedule, settings=ObjectiveSettings())
    ours = objective(answer, objective.target(latents, noise, timesteps), timesteps=timesteps, weight=None)
    torch.testing.assert_close(ours, (answer - target).square().mean(dim=(1, 2, 3)), atol=1e-5, rtol=1e-5)

    # OneTrainer: rescale the roots of the products, divide them into alphas, and multiply these again.
    roots = torch.cumprod(1 - _betas(), dim=0).sqrt()
    roots = (roots - roots[-1]) * (roots[0] / (roots[0] - roots[-1]))
    products = roots**2
    again = torch.cumprod(torch.cat([products[:1], products[1:] / products[:-1]]), dim=0)
    torch.testing.assert_close(ZERO, again, atol=1e-5, rtol=0)


def _betas() -> torch.Tensor:
    return torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", sampler_names())
def test_every_sampler_walks_down_from_pure_noise(name: str, prediction: PredictionType) -> None:
    """With the answers of a model that knows the one picture there is: it is found, and nothing is infinite on the way."""
    schedule = NoiseSchedule(alphas_cumprod=ZERO, prediction_type=prediction)
    picture = torch.full((1, 4, 4, 4), 0.7)

    def predict(noisy: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        alpha = float(ZERO[int(timestep.round().clamp(0, 999))])
        alpha = max(alpha, 1e-12)
        noise = (noisy - alpha**0.5 * picture) / (1 - alpha) ** 0.5
        return noise if prediction == "epsilon" else alpha**0.5 * noise - (1 - alpha) ** 0.5 * picture

    generator = torch.Generator().manual_seed(0)
    found = find_sampler(name).sample(schedule, predict, lambda: torch.randn(1, 4, 4, 4, generator=generator), steps=60)
    assert bool(found.isfinite().all())
    if prediction == "v_prediction":
        assert (found - picture).abs().max() < 0.15


def test_a_marked_file_is_lent_so_and_draws(marked_file, tmp_path: Path) -> None:
    path = marked_file({"v_pred": EMPTY, "ztsnr": EMPTY})
    host = StandaloneHost(checkpoint=path, embeddings_dir=tmp_path / "e", device="cpu")
    with host.lease(LeaseRequest()) as lease:
        assert lease.schedule.alphas_cumprod[-1] == 0
        picture = lease.picture(PictureRequest(prompt="a", width=64, height=64, steps=2), embeddings={})
    assert picture.image.convert("L").getextrema()[0] < picture.image.convert("L").getextrema()[1]
    assert any("zero terminal SNR" in each for each in host.notices)

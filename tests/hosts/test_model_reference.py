"""The standalone host computes what AUTOMATIC1111 v1.10.1 computes from the same checkpoint.

`reference/a1111_model*.npz` hold its VAE, its `apply_model`, the loss of its `p_losses` and the loss's gradient with
respect to an embedding, and the latents of its txt2img (CPU noise), for the checkpoints of `tiny_checkpoint.py` and the
inputs of `probe`, all in float32.

Sides are multiples of 32 pixels here (64 for real SD). With others the two differ: where a level of the U-Net has an odd
side, A1111 cuts what was upsampled to size after the convolution (`sd_hijack_unet`), diffusers before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_checkpoint import Family, probe, write_tiny_checkpoint
from tiny_text_encoder import SD2_WIDTH, WIDTH, embedding_vectors

from textual_inversion.core.embedding.embedding import Vectors
from textual_inversion.core.model.host import Conditioning, LeaseRequest, PictureRequest
from textual_inversion.hosts.standalone.host import StandaloneHost
from textual_inversion.hosts.standalone.lease import StandaloneLease
from textual_inversion.hosts.standalone.sampling.samplers import sampler_names

FOLDER = Path(__file__).with_name("reference")
FILES: dict[Family, str] = {"sd1": "a1111_model", "sd2": "a1111_model_sd2"}
REFERENCE = {
    family: json.loads((FOLDER / f"{file}.json").read_text(encoding="utf-8")) for family, file in FILES.items()
}
PICTURES = [
    pytest.param(family, number, id=f"{family}-{picture['sampler']}-{picture['steps']}")
    for family, reference in REFERENCE.items()
    for number, picture in enumerate(reference["pictures"])
    if picture["sampler"] in sampler_names()
]


@dataclass(frozen=True)
class Model:
    lease: StandaloneLease
    embeddings: dict[str, Vectors]
    expected: dict[str, torch.Tensor]

    def encode(self, prompts: list[str]) -> Conditioning:
        return self.lease.encode_prompts(prompts, embeddings=self.embeddings, width=32, height=64)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Family, Model]]:
    with ExitStack() as stack:
        yield {family: _model(family, tmp_path_factory.mktemp(family), stack) for family in FILES}


def _model(family: Family, folder: Path, stack: ExitStack) -> Model:
    host = StandaloneHost(
        embeddings_dir=folder / "embeddings", checkpoint=write_tiny_checkpoint(folder, family), device="cpu"
    )
    lease = stack.enter_context(host.lease(LeaseRequest(precision="float32")))
    width = {"sd1": WIDTH, "sd2": SD2_WIDTH}[family]
    with np.load(FOLDER / f"{FILES[family]}.npz") as arrays:
        expected = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    ((key, _),) = lease.encoders.items()
    return Model(lease, {"tix3": {key: embedding_vectors("tix3", 3, width)}}, expected)


@pytest.fixture(params=list(FILES))
def model(request: pytest.FixtureRequest, models: dict[Family, Model]) -> Model:
    return models[request.param]


def test_vae_encodes_as_a1111(model: Model) -> None:
    moments = model.lease.encode_images(probe("pixels", 2, 3, 64, 48, std=0.5))
    torch.testing.assert_close(moments.mean, model.expected["vae_mean"], atol=1e-5, rtol=0)
    torch.testing.assert_close(moments.std, model.expected["vae_std"], atol=1e-5, rtol=0)


def test_vae_decodes_as_a1111(model: Model) -> None:
    with torch.no_grad():
        pixels = model.lease.decode_latents(probe("latents to decode", 1, 4, 8, 6, std=0.25))
    torch.testing.assert_close(pixels[..., ::2, ::2], model.expected["vae_decoded"], atol=2e-5, rtol=0)


@pytest.mark.parametrize("family", list(FILES))
def test_prediction_and_loss_are_those_of_a1111(family: Family, models: dict[Family, Model]) -> None:
    model, reference = models[family], REFERENCE[family]
    latents, noise = probe("latents", 3, 4, 8, 4), probe("noise", 3, 4, 8, 4)
    timesteps = torch.tensor(reference["timesteps"])
    alphas = model.lease.schedule.alphas_cumprod[timesteps].float()[:, None, None, None]
    noisy = alphas.sqrt() * latents + (1 - alphas).sqrt() * noise
    torch.testing.assert_close(noisy, model.expected["noisy"], atol=1e-6, rtol=0)
    with torch.no_grad():
        predicted = model.lease.predict(noisy, timesteps, model.encode(reference["prompts"]))
    torch.testing.assert_close(predicted, model.expected["predicted"], atol=2e-5, rtol=0)
    loss = torch.nn.functional.mse_loss(predicted, _target(model, timesteps))
    torch.testing.assert_close(loss[None], model.expected["loss"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", list(FILES))
def test_gradient_of_the_vectors_is_that_of_a1111(family: Family, models: dict[Family, Model]) -> None:
    """The one thing that training needs of a host: d loss / d vectors, through U-Net and text encoder."""
    model, reference = models[family], REFERENCE[family]
    ((key, vectors),) = model.embeddings["tix3"].items()
    live = vectors.clone().requires_grad_()
    conditioning = model.lease.encode_prompts(
        reference["prompts"], embeddings={"tix3": {key: live}}, width=32, height=64
    )
    timesteps, noisy = torch.tensor(reference["timesteps"]), model.expected["noisy"]
    predicted = model.lease.predict(noisy, timesteps, conditioning)
    loss = torch.nn.functional.mse_loss(predicted, _target(model, timesteps))
    (gradient,) = torch.autograd.grad(loss, live)
    expected = model.expected["gradient"]
    torch.testing.assert_close(gradient, expected, atol=1e-4 * expected.abs().max().item(), rtol=0)


def _target(model: Model, timesteps: torch.Tensor) -> torch.Tensor:
    latents, noise = probe("latents", 3, 4, 8, 4), probe("noise", 3, 4, 8, 4)
    if model.lease.schedule.prediction_type == "epsilon":
        return noise
    alphas = model.lease.schedule.alphas_cumprod[timesteps].float()[:, None, None, None]
    return alphas.sqrt() * noise - (1 - alphas).sqrt() * latents


def test_a_prompt_of_several_chunks_guides_as_in_a1111(model: Model) -> None:
    noisy, timesteps = model.expected["noisy"][1:2], torch.tensor([500])
    with torch.no_grad():
        predicted = model.lease.predict(noisy, timesteps, model.encode([REFERENCE["sd1"]["long_prompt"]]))
    torch.testing.assert_close(predicted, model.expected["predicted_long"], atol=2e-5, rtol=0)


@pytest.mark.parametrize(("family", "number"), PICTURES)
def test_pictures_are_those_of_a1111(family: Family, number: int, models: dict[Family, Model]) -> None:
    """The same latents to 1 in 10 000 of their greatest value (random weights drive them far out), the same pixels."""
    model, wanted = models[family], REFERENCE[family]["pictures"][number]
    request = _request(wanted)
    latents = model.lease.picture_maker.latents(request, embeddings=model.embeddings)[0]
    expected = model.expected[f"latents_{number}"]
    torch.testing.assert_close(latents, expected, atol=1e-4 * expected.abs().max().item(), rtol=0)
    if f"picture_{number}" in model.expected:
        pixels = np.asarray(model.lease.picture(request, embeddings=model.embeddings).image, dtype=int)
        assert np.abs(pixels - model.expected[f"picture_{number}"].numpy().astype(int)).max() <= 1


def _request(wanted: dict) -> PictureRequest:
    """A1111 names sampler and schedule apart; "Automatic" is what the sampler takes by itself."""
    schedule = "" if wanted["scheduler"] == "Automatic" else f" {wanted['scheduler']}"
    fields = ("prompt", "negative_prompt", "steps", "guidance_scale", "seed", "width", "height")
    return PictureRequest(sampler=wanted["sampler"] + schedule, **{field: wanted[field] for field in fields})

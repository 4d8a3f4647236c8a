"""SDXL in the standalone host against AUTOMATIC1111 v1.10.1: both encoders, pooled text and sizes, U-Net, pictures.

`reference/a1111_sdxl.npz` was computed with the checkpoint of `tiny_sdxl.py`, as in `test_model_reference.py`. Context and
vector are multiplied by `projections(width)`; embeddings had the vectors `embedding_vectors("NAME l", …)` and `"NAME g"`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_checkpoint import probe
from tiny_sdxl import L_WIDTH, write_tiny_sdxl
from tiny_text_encoder import SD2_WIDTH, embedding_vectors, projections

from textual_inversion.core.embedding.embedding import Vectors
from textual_inversion.core.model.host import Conditioning, LeaseRequest, PictureRequest
from textual_inversion.hosts.standalone.host import StandaloneHost
from textual_inversion.hosts.standalone.lease import StandaloneLease

FOLDER = Path(__file__).with_name("reference")
REFERENCE = json.loads((FOLDER / "a1111_sdxl.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-4
RELATIVE = 2e-5
"""Values reach 30, and another processor adds in another order: a handful of float32 steps."""
"""On values of up to 13: what SDXL reads of its encoders has not passed their last norm."""


@dataclass(frozen=True)
class Model:
    lease: StandaloneLease
    embeddings: dict[str, Vectors]
    expected: dict[str, torch.Tensor]

    def encode(self, prompts: list[str], width: int, height: int) -> Conditioning:
        with torch.no_grad():
            return self.lease.encode_prompts(prompts, embeddings=self.embeddings, width=width, height=height)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    folder = tmp_path_factory.mktemp("sdxl")
    host = StandaloneHost(embeddings_dir=folder / "embeddings", checkpoint=write_tiny_sdxl(folder), device="cpu")
    embeddings = {
        name: {
            "clip_l": embedding_vectors(f"{name} l", rows, L_WIDTH),
            "clip_g": embedding_vectors(f"{name} g", rows, SD2_WIDTH),
        }
        for name, rows in REFERENCE["embeddings"].items()
    }
    with np.load(FOLDER / "a1111_sdxl.npz") as arrays:
        expected = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    with host.lease(LeaseRequest(precision="float32")) as lease:
        yield Model(lease, embeddings, expected)


@pytest.mark.parametrize("number", range(len(REFERENCE["cases"])))
def test_conditioning_is_that_of_a1111(number: int, model: Model) -> None:
    case = REFERENCE["cases"][number]
    conditioning = model.encode([case["prompt"]], case["width"], case["height"])
    assert conditioning.vector is not None
    context, vector = conditioning.context[0], conditioning.vector[0]
    projected = context @ projections(context.shape[1])
    torch.testing.assert_close(projected, model.expected[f"context_{number:02d}"], atol=TOLERANCE, rtol=RELATIVE)
    projected = vector @ projections(len(vector))
    torch.testing.assert_close(projected, model.expected[f"vector_{number:02d}"], atol=TOLERANCE, rtol=RELATIVE)


def test_prediction_is_that_of_a1111(model: Model) -> None:
    timesteps = torch.tensor(REFERENCE["timesteps"])
    alphas = model.lease.schedule.alphas_cumprod[timesteps].float()[:, None, None, None]
    noisy = alphas.sqrt() * probe("latents", 2, 4, 8, 8) + (1 - alphas).sqrt() * probe("noise", 2, 4, 8, 8)
    with torch.no_grad():
        predicted = model.lease.predict(noisy, timesteps, model.encode(REFERENCE["predicted"], 64, 64))
    torch.testing.assert_close(predicted, model.expected["predicted"], atol=2e-5, rtol=0)


@pytest.mark.parametrize("number", range(len(REFERENCE["pictures"])))
def test_pictures_are_those_of_a1111(number: int, model: Model) -> None:
    """Among them two with an empty negative prompt, which is zeros for SDXL."""
    request = PictureRequest(**REFERENCE["pictures"][number])
    latents = model.lease.picture_maker.latents(request, embeddings=model.embeddings)[0]
    expected = model.expected[f"latents_{number}"]
    torch.testing.assert_close(latents, expected, atol=1e-4 * expected.abs().max().item(), rtol=0)

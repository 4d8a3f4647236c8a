"""Pictures and losses of a real SD.Next with a tiny checkpoint."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from host_bench import Bench
from tiny_checkpoint import probe

from textual_inversion.core.model.host import LeaseRequest


def picture(prompt: str = "a red cat", **more: Any) -> tuple[str, str]:
    """Digest and infotext of one as the web UI's txt2img makes it."""
    from modules import processing, shared

    settings = {"seed": 3, "steps": 2, "width": 64, "height": 64, "cfg_scale": 4.0, "sampler_name": "Euler a"}
    p = processing.StableDiffusionProcessingTxt2Img(
        prompt=prompt, do_not_save_samples=True, do_not_save_grid=True, **{**settings, **more}
    )
    p.scripts, p.script_args = None, []
    shared.state.interrupted = False
    processed = processing.process_images(p)
    return hashlib.sha256(processed.images[0].tobytes()).hexdigest(), processed.infotexts[0]


def loss(bench: Bench, prompt: str = "a photo of tix3", *, vae: str = "") -> torch.Tensor:
    live = bench.live()
    with bench.host.lease(LeaseRequest(vae=vae)) as lease, torch.no_grad():
        conditioning = lease.encode_prompts([prompt], embeddings=live, width=64, height=64)
        predicted = lease.predict(probe("latents", 1, 4, 8, 8), torch.tensor([400]), conditioning)
    return torch.nn.functional.mse_loss(predicted, probe("noise", 1, 4, 8, 8))


def gradient(bench: Bench) -> torch.Tensor:
    live = bench.live()
    with bench.host.lease(LeaseRequest()) as lease:
        conditioning = lease.encode_prompts(["a photo of tix3"], embeddings=live, width=64, height=64)
        predicted = lease.predict(probe("latents", 1, 4, 8, 8), torch.tensor([400]), conditioning)
        predicted.square().mean().backward()
    found = next(iter(live["tix3"].values())).grad
    assert found is not None
    return found

"""Pictures from an exported demo checkpoint with nothing but diffusers' modules: DDIM with classifier-free guidance.

For the training's own checks, where no host is wanted. Generation for people goes through the standalone host.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from PIL import Image
from safetensors.torch import load_file
from transformers import CLIPTextModel

from ..hosts.standalone.checkpoint.ldm_keys import (
    TEXT_PREFIX,
    UNET_PREFIX,
    VAE_PREFIX,
    VaeShape,
    clip_text_keys,
    squeezed_keys,
    unet_keys,
    vae_keys,
)
from .export import unet_shape
from .models import TIMESTEPS, DemoShape, build_text, build_unet, build_vae
from .text import token_ids


@dataclass(frozen=True)
class Painter:
    """The networks of one checkpoint."""

    vae: AutoencoderKL
    unet: UNet2DConditionModel
    text: CLIPTextModel
    alphas_cumprod: torch.Tensor
    scale_factor: float

    @torch.no_grad()
    def paint(
        self, prompts: list[str], *, seed: int, steps: int = 30, guidance: float = 5.0, size: int = 64
    ) -> list[Image.Image]:
        """One picture a prompt; picture i starts from the noise of seed + i."""
        side = size // 8
        noises = [
            torch.randn(4, side, side, generator=torch.Generator().manual_seed(seed + i)) for i in range(len(prompts))
        ]
        with torch.autocast("cpu", torch.bfloat16):
            context = self.text(token_ids([*prompts, *([""] * len(prompts))])).last_hidden_state.float()
            latents = self._denoise(torch.stack(noises), context, steps=steps, guidance=guidance)
            decoded = self.vae.decoder(self.vae.post_quant_conv(latents / self.scale_factor)).float()
        pixels = ((decoded.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        return [Image.fromarray(picture, "RGB") for picture in pixels]

    def _denoise(self, x: torch.Tensor, context: torch.Tensor, *, steps: int, guidance: float) -> torch.Tensor:
        times = torch.linspace(TIMESTEPS - 1, 0, steps).round().long().tolist()
        for time, following in zip(times, [*times[1:], -1], strict=True):
            here = self.alphas_cumprod[time]
            there = self.alphas_cumprod[following] if following >= 0 else torch.tensor(1.0)
            both = self.unet(torch.cat([x, x]), torch.tensor(time), context).sample.float()
            with_prompt, without = both.chunk(2)
            noise = without + guidance * (with_prompt - without)
            clean = (x - (1.0 - here).sqrt() * noise) / here.sqrt()
            x = there.sqrt() * clean + (1.0 - there).sqrt() * noise
        return x


def load_painter(checkpoint: Path, scale_factor: float, shape: DemoShape | None = None) -> Painter:
    """Reads a file that `export_checkpoint` wrote."""
    sizes = shape or DemoShape()
    tensors = load_file(checkpoint)
    vae, unet, text = build_vae(sizes), build_unet(sizes), build_text(sizes)
    prefix = "text_model." if any(name.startswith("text_model.") for name in text.state_dict()) else ""
    squeezed = squeezed_keys()
    for network, start, table in (
        (unet, UNET_PREFIX, unet_keys(unet_shape(sizes))),
        (vae, VAE_PREFIX, vae_keys(VaeShape(channels=(sizes.vae_channels,) * 4, blocks=1))),
        (text, TEXT_PREFIX, clip_text_keys(sizes.text_layers, library_prefix=prefix)),
    ):
        weights = {
            library: tensors[start + ldm].float().flatten(1) if ldm in squeezed else tensors[start + ldm].float()
            for ldm, library in table.items()
        }
        network.load_state_dict(weights)
        network.eval()
    return Painter(vae, unet, text, tensors["alphas_cumprod"], scale_factor)

"""`python -m textual_inversion.demo.train --out DIR`: trains the demo checkpoint; run again, it goes on where it was.

Stages: the VAE; every picture encoded once; U-Net and text encoder; the VAE's decoder once more. `DIR/export` holds the
newest checkpoint, replaced every few minutes. Two hours on one core with bf16 matrix units; a GPU is not needed.
"""

from __future__ import annotations

import argparse
import functools
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from transformers import CLIPTextModel

from .export import export_checkpoint
from .latents import encoded
from .models import DemoShape, build_text, without_mask
from .pictures import occupancies, rendered, scenes
from .train_decoder import DecoderPlan, train_decoder
from .train_unet import Denoiser, Material, UnetPlan, train_unet
from .train_vae import VaePlan, train_vae
from .words import Words, collect_words, small_table


def main(arguments: list[str] | None = None, *, shape: DemoShape | None = None) -> int:
    """Runs all stages that are not done yet; returns the exit code."""
    options = _parser().parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    train_all(options, shape or DemoShape())
    return 0


def train_all(options: argparse.Namespace, shape: DemoShape) -> None:
    """All stages in order, each from where it was."""
    out, seed = options.out, options.seed
    some = scenes(options.pictures, seed)
    vae_pictures = rendered(some[: options.vae_pictures], out / "vae-pictures.npy")
    vae_plan = VaePlan(steps=options.vae_steps, compile=options.compile)
    vae = train_vae(vae_pictures, vae_plan, shape=shape, folder=out, seed=seed).requires_grad_(False)
    pictures = rendered(some, out / "pictures.npy")
    latents = encoded(vae, pictures, out / "latents.npy")
    words = collect_words(seed=seed)
    export = functools.partial(_export, out / "export", vae, words, shape, latents.scale_factor)
    plan = replace(UnetPlan(), steps=options.unet_steps, batch_size=options.batch_size, compile=options.compile)
    masks = torch.from_numpy(occupancies(some, out / "masks.npy")) * 2.0 - 1.0
    data = Material(latents.scaled, masks, some, words)
    model = train_unet(data, plan, shape=shape, folder=out, seed=seed, export=export)
    train_decoder(vae, latents.means, pictures, DecoderPlan(steps=options.decoder_steps), folder=out, seed=seed)
    export(model, options.unet_steps)


def _export(
    folder: Path, vae: AutoencoderKL, words: Words, shape: DemoShape, scale_factor: float, model: Denoiser, step: int
) -> None:
    export_checkpoint(
        folder,
        vae=vae,
        unet=without_mask(model.unet, shape),
        text=with_whole_vocabulary(model.text, words, shape),
        shape=shape,
        scale_factor=scale_factor,
    )
    (folder / "step.txt").write_text(f"{step}\n", encoding="utf-8")


def with_whole_vocabulary(text: CLIPTextModel, words: Words, shape: DemoShape) -> CLIPTextModel:
    """A text encoder with CLIP's 49408 rows that holds `text`, trained on the rows of `words` alone."""
    whole = build_text(shape)
    weights = dict(text.state_dict())
    table = next(name for name in weights if name.endswith("token_embedding.weight"))
    weights[table] = words.expanded(small_table(text), seed=0)
    whole.load_state_dict(weights)
    return whole


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m textual_inversion.demo.train", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for states, pictures and exports")
    parser.add_argument("--pictures", type=int, default=24000, help="how many scenes to draw")
    parser.add_argument("--vae-pictures", type=int, default=6000, help="how many of them the VAE sees")
    parser.add_argument("--vae-steps", type=int, default=VaePlan.steps, help="steps of the first stage")
    parser.add_argument("--unet-steps", type=int, default=UnetPlan.steps, help="steps of the third stage")
    parser.add_argument("--batch-size", type=int, default=UnetPlan.batch_size, help="of the third stage")
    parser.add_argument("--decoder-steps", type=int, default=DecoderPlan.steps, help="steps of the last stage")
    parser.add_argument("--compile", action="store_true", help="use torch.compile (needs a C++ compiler)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is random")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())

"""The tiny checkpoints of `tiny_variants.py` as diffusers keeps models: a folder for each part.

The same numbers under other names, so that hosts which load such folders are held to the same reference values.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, EulerAncestralDiscreteScheduler, UNet2DConditionModel
from tiny_text_encoder import write_text_encoder_folder
from tiny_variants import VARIANTS
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from textual_inversion.hosts.standalone.checkpoint.build import TextTower
from textual_inversion.hosts.standalone.loading import LoadedModel, load_model

_CLASSES = {"sd1": "StableDiffusionPipeline", "sd2": "StableDiffusionPipeline", "sdxl": "StableDiffusionXLPipeline"}
_PADDING = {"clip_l": "<|endoftext|>", "clip_h": "!", "clip_g": "!"}


def write_tiny_diffusers(variant: str, checkpoints: Path, models: Path) -> Path:
    """Write the folder `tiny-NAME` into ``models``; ``checkpoints`` gets the single file that it is made of."""
    path = VARIANTS[variant].write(checkpoints)
    return write_diffusers(path, models / path.stem)


def write_diffusers(checkpoint: Path, folder: Path) -> Path:
    """Any checkpoint that the standalone host reads, as such a folder."""
    model = load_model(checkpoint, device=torch.device("cpu"), unet_dtype=torch.float32)
    parts: dict[str, tuple[str, str]] = {}
    for key, tower, suffix in zip(model.networks.text, model.networks.text.values(), ("", "_2"), strict=False):
        _tokenizer(key, folder / f"tokenizer{suffix}")
        encoder = _encoder(key, tower)
        encoder.save_pretrained(folder / f"text_encoder{suffix}")
        parts |= {f"text_encoder{suffix}": ("transformers", type(encoder).__name__)}
        parts |= {f"tokenizer{suffix}": ("transformers", "CLIPTokenizer")}
    _unet(model).save_pretrained(folder / "unet")
    _vae(model).save_pretrained(folder / "vae")
    scheduler = EulerAncestralDiscreteScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=model.schedule.prediction_type,
        steps_offset=1,
    )
    scheduler.save_pretrained(folder / "scheduler")
    parts |= {
        "unet": ("diffusers", "UNet2DConditionModel"),
        "vae": ("diffusers", "AutoencoderKL"),
        "scheduler": ("diffusers", "EulerAncestralDiscreteScheduler"),
    }
    _index(folder, model, parts)
    return folder


def _index(folder: Path, model: LoadedModel, parts: dict[str, tuple[str, str]]) -> None:
    family = model.layout.family
    index: dict[str, Any] = {"_class_name": _CLASSES[family], "_diffusers_version": "0.35.1", **parts}
    if family == "sdxl":
        index |= {"force_zeros_for_empty_prompt": True}
    else:
        index |= {"safety_checker": (None, None), "feature_extractor": (None, None), "requires_safety_checker": False}
    (folder / "model_index.json").write_text(json.dumps(index, indent=2))


def _tokenizer(key: str, folder: Path) -> None:
    write_text_encoder_folder(folder)
    (folder / "config.json").unlink()
    words = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    told = {**words, "pad_token": _PADDING[key], "model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(told, indent=2))


def _encoder(key: str, tower: TextTower) -> Any:
    """SD 2's without its last layer, as it is published; SDXL's second one with its projection."""
    body = tower.model
    settings = {**body.config.to_dict(), "eos_token_id": 2}  # as the published configs say, and transformers knows
    if key == "clip_h":
        settings["num_hidden_layers"] -= 1
    weights = {name.removeprefix("text_model."): tensor for name, tensor in body.state_dict().items()}
    kind = CLIPTextModel if tower.projection is None else CLIPTextModelWithProjection
    made = kind(CLIPTextConfig.from_dict(settings))
    inside = getattr(made, "text_model", made)
    inside.load_state_dict({name: weights[name] for name in inside.state_dict()})
    if tower.projection is not None:
        made.text_projection.weight.data.copy_(tower.projection.T)
    return made


def _unet(model: LoadedModel) -> UNet2DConditionModel:
    """SDXL's sizes go in as diffusers does it."""
    own = model.networks.unet
    own.register_to_config(sample_size=8)
    if model.layout.family != "sdxl":
        return own
    told = {name: value for name, value in own.config.items() if not name.startswith("_")}
    told |= {"class_embed_type": None, "addition_embed_type": "text_time", "addition_time_embed_dim": 256}
    unet = UNet2DConditionModel(**told)
    names = {name: name.replace("class_embedding.", "add_embedding.") for name in own.state_dict()}
    unet.load_state_dict({names[name]: tensor for name, tensor in own.state_dict().items()})
    return unet


def _vae(model: LoadedModel) -> AutoencoderKL:
    vae = copy.deepcopy(model.networks.vae)
    vae.register_to_config(scaling_factor=model.layout.vae.scale_factor)
    return vae

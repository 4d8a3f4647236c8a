"""Models that cannot be lent, each with a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from modules import devices, shared
from torch import nn

from ....core.base.errors import LeaseError
from .pipeline import noise_schedule, parts_of, present_pipe

_PLAIN_INPUTS, _INPAINTING_INPUTS = 4, 9
_ENCODERS = ("CLIPTextModel", "CLIPTextModelWithProjection")
_PRECISIONS = (torch.float32, torch.float16, torch.bfloat16)
_KINDS = "Embeddings can be trained on SD 1.x, SD 2.x and SDXL."
_UNREAD_PROMPTS = "xhinker"


def loaded_pipe() -> Any:
    """The pipeline, loaded if it was not yet. Raises LeaseError where there is none, or not one that can be trained on."""
    pipe = present_pipe() or shared.sd_model
    if pipe is None:
        raise LeaseError(
            "SD.Next has no checkpoint loaded; its console says why. Choose one at the top of the page and try again."
        )
    for sentence in (*_about_kind(pipe), *_about_settings()):
        raise LeaseError(sentence)
    noise_schedule(pipe)
    for sentence in _about_parts(pipe):
        raise LeaseError(sentence)
    return pipe


def is_inpainting(pipe: Any) -> bool:
    return pipe.unet.config.in_channels == _INPAINTING_INPUTS


def _about_kind(pipe: Any) -> Iterator[str]:
    kind = type(pipe).__name__
    if "onnx" in kind.lower():
        yield "The model runs through ONNX, which has no backward pass. Load the checkpoint without it."
        return
    unet, vae = getattr(pipe, "unet", None), getattr(pipe, "vae", None)
    if _is_compiled(unet) or _is_compiled(vae):
        yield _compiled()
        return
    plain = kind.startswith(("StableDiffusion", "LatentConsistency")) and not kind.startswith("StableDiffusion3")
    if not plain or not isinstance(unet, UNet2DConditionModel) or not isinstance(vae, AutoencoderKL):
        yield f"The loaded model is of another kind ({kind}). {_KINDS}"
        return
    inputs = unet.config.in_channels
    if inputs not in (_PLAIN_INPUTS, _INPAINTING_INPUTS):
        yield (
            f"The loaded checkpoint is of a special kind (its U-Net reads {inputs} channels: pix2pix, depth, upscaler ...). "
            "Load a plain or an inpainting one."
        )
    names = ("text_encoder", "text_encoder_2") if "XL" in kind else ("text_encoder",)
    for name in names:
        encoder = getattr(pipe, name, None)
        if _is_compiled(encoder):
            yield _compiled()
        elif type(encoder).__name__ not in _ENCODERS:
            found = "is not there" if encoder is None else f"is a {type(encoder).__name__}"
            yield f"The model's {name} {found}, where CLIP's is wanted. {_KINDS}"


def _about_settings() -> Iterator[str]:
    if devices.backend == "openvino":
        yield "SD.Next runs with OpenVINO, which has no backward pass. Start it without --use-openvino to train."
    if shared.opts.cuda_compile_backend != "none" and {"Model", "TE", "VAE"} & set(shared.opts.cuda_compile):
        yield _compiled()
    if shared.opts.prompt_attention == _UNREAD_PROMPTS:
        yield (
            "The prompt parser xhinker gives prompts of any length, which cannot be trained side by side. Choose native in "
            "Settings > Text Encoder > Prompt attention parser."
        )


def _compiled() -> str:
    return (
        "SD.Next compiles the model (Settings > Model Compile), and what is compiled cannot be trained with. Switch it off "
        "there, load the checkpoint again and try once more."
    )


def _is_compiled(part: Any) -> bool:
    return hasattr(part, "_orig_mod") or getattr(part, "_compiled_call_impl", None) is not None


def _about_parts(pipe: Any) -> Iterator[str]:
    for part in parts_of(pipe):
        how = _quantised(part)
        if how:
            yield (
                f"SD.Next keeps the model's weights quantised ({how}), which is too coarse to train with. Switch it off in "
                "Settings > Model Quantization, load the checkpoint again and try once more."
            )


def _quantised(part: nn.Module) -> str | None:
    """The method, or the type of the first weight that is none of 16 or 32 bits; None for a plain part."""
    method = getattr(part, "quantization_method", None) or getattr(part, "quantization_config", None)
    if method is not None:
        return str(method if isinstance(method, str) else getattr(method, "quant_method", type(method).__name__))
    if any(hasattr(module, "sdnq_dequantizer") for module in part.modules()):
        return "SDNQ"
    others = (weight.dtype for weight in part.parameters() if weight.dtype not in _PRECISIONS)
    found = next(others, None)
    return None if found is None else str(found).removeprefix("torch.")

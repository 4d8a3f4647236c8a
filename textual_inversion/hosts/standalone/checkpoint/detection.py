"""The layout of a checkpoint as its tensors tell it, for files without a config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Literal

from torch import Tensor

from ....core.base.errors import FileFormatError
from ....core.model.host import ModelFamily
from .layout import ModelLayout, ScheduleLayout, TextLayout, UNetLayout, VaeLayout
from .ldm_keys import TEXT_PREFIX, UNET_PREFIX, VAE_PREFIX, UnetShape, VaeShape

SCALE_FACTORS: dict[ModelFamily, float] = {"sd1": 0.18215, "sd2": 0.18215, "sdxl": 0.13025}
_SDXL_L, _SDXL_G = "conditioner.embedders.0.", "conditioner.embedders.1."

Tensors = Mapping[str, Tensor]


def detect_family(tensors: Tensors) -> ModelFamily:
    """Tell SD 1.x, SD 2.x and SDXL by the text encoder. Raises FileFormatError for anything else, saying what it is."""
    if not any(name.startswith(UNET_PREFIX) for name in tensors):
        some = ", ".join(sorted(tensors)[:3]) or "nothing"
        raise FileFormatError(
            f"This file is no Stable Diffusion checkpoint: it has no {UNET_PREFIX}* (it holds {some}, …).",
            field="checkpoint",
        )
    if f"{_SDXL_G}model.ln_final.weight" in tensors:
        return "sdxl"
    if f"{TEXT_PREFIX}model.ln_final.weight" in tensors:
        return "sd2"
    if any(name.startswith(f"{TEXT_PREFIX}transformer.") for name in tensors):
        return "sd1"
    raise FileFormatError(
        "This checkpoint has no text encoder of SD 1.x, SD 2.x or SDXL (a refiner, another kind of model, or only a "
        "part of one). Load the full model.",
        field="checkpoint",
    )


def layout_from_tensors(tensors: Tensors) -> ModelLayout:
    """Layers and widths from the tensors, heads of 64 values (SD 1.5's own 8 heads where it is of that shape).

    Raises FileFormatError where the tensors belong to no model that is supported here.
    """
    family = detect_family(tensors)
    unet = unet_from_tensors(tensors)
    known = unet.shape.channels in ((320, 640, 1280, 1280), (320, 640, 1280))
    warning = (
        "This checkpoint has no .yaml beside it and is of no known shape: heads of 64 values and the usual noise "
        "schedule were assumed. If pictures look wrong, put its .yaml beside it."
    )
    return ModelLayout(
        family=family,
        unet=unet,
        vae=vae_from_tensors(tensors, family),
        text=text_from_tensors(tensors, family),
        schedule=ScheduleLayout(),
        prediction=None if family == "sd2" else "epsilon",
        warnings=() if known else (warning,),
    )


def unet_from_tensors(tensors: Tensors) -> UNetLayout:
    """Walk the input blocks; a downsampling ends a level."""
    at = _Lookup(tensors, UNET_PREFIX)
    widths: list[list[int]] = [[]]
    depths: list[int] = [0]
    for block in count(1):
        name = f"input_blocks.{block}.0"
        if at.has(f"{name}.op.weight"):
            widths.append([])
            depths.append(0)
        elif at.has(f"{name}.in_layers.2.weight"):
            widths[-1].append(at.size(f"{name}.in_layers.2.weight", 0))
            depths[-1] = at.numbered(f"input_blocks.{block}.1.transformer_blocks.{{}}.norm1.weight")
        else:
            break
    channels = tuple(level[0] if level else 0 for level in widths)
    shape = UnetShape(
        channels=channels,
        blocks=len(widths[0]),
        depths=tuple(depths),
        middle_depth=at.numbered("middle_block.1.transformer_blocks.{}.norm1.weight"),
        labels=at.has("label_emb.0.0.weight"),
    )
    return UNetLayout(
        shape=shape,
        in_channels=at.size("input_blocks.0.0.weight", 1),
        out_channels=at.size("out.2.weight", 0),
        heads=default_heads(channels, context=at.size("middle_block.1.transformer_blocks.0.attn2.to_k.weight", 1)),
        context_width=at.size("middle_block.1.transformer_blocks.0.attn2.to_k.weight", 1),
        linear_projections=at.dimensions("middle_block.1.proj_in.weight") == 2,
        label_width=at.size("label_emb.0.0.weight", 1) if shape.labels else None,
    )


def default_heads(channels: tuple[int, ...], *, context: int) -> tuple[int, ...]:
    """8 at every level for SD 1.5's shape (context 768), else one head for 64 channels, at least one."""
    if channels == (320, 640, 1280, 1280) and context == 768:
        return (8,) * len(channels)
    return tuple(max(1, width // 64) for width in channels)


def vae_from_tensors(tensors: Tensors, family: ModelFamily) -> VaeLayout:
    at = _Lookup(tensors, VAE_PREFIX)
    levels = at.numbered("encoder.down.{}.block.0.conv1.weight")
    channels = tuple(at.size(f"encoder.down.{level}.block.0.conv1.weight", 0) for level in range(levels))
    blocks = at.numbered("encoder.down.0.block.{}.conv1.weight")
    return VaeLayout(
        shape=VaeShape(channels=channels, blocks=blocks),
        latent_channels=at.size("post_quant_conv.weight", 1),
        scale_factor=SCALE_FACTORS[family],
    )


def text_from_tensors(tensors: Tensors, family: ModelFamily) -> dict[str, TextLayout]:
    """The text encoders by our keys, in the order in which their outputs are joined."""
    if family == "sd1":
        return {"clip_l": _clip(tensors, TEXT_PREFIX)}
    if family == "sd2":
        return {"clip_h": _open_clip(tensors, f"{TEXT_PREFIX}model.")}
    clip_l = replace(_clip(tensors, _SDXL_L), output="penultimate")
    return {"clip_l": clip_l, "clip_g": replace(_open_clip(tensors, f"{_SDXL_G}model."), projection=True)}


def _clip(tensors: Tensors, prefix: str) -> TextLayout:
    at = _Lookup(tensors, f"{prefix}transformer.text_model.")
    vocabulary, width = (at.size("embeddings.token_embedding.weight", i) for i in (0, 1))
    return TextLayout(
        flavour="clip",
        prefix=prefix,
        width=width,
        layers=at.numbered("encoder.layers.{}.layer_norm1.weight"),
        heads=max(1, width // 64),
        inner_width=at.size("encoder.layers.0.mlp.fc1.weight", 0),
        positions=at.size("embeddings.position_embedding.weight", 0),
        vocabulary=vocabulary,
        activation="quick_gelu",
        output="last",
    )


def _open_clip(tensors: Tensors, prefix: str) -> TextLayout:
    at = _Lookup(tensors, prefix)
    vocabulary, width = (at.size("token_embedding.weight", i) for i in (0, 1))
    layers = at.numbered("transformer.resblocks.{}.ln_1.weight")
    # Files that went through diffusers lack OpenCLIP-H's 24th layer, which SD 2.x does not use.
    output: Literal["last", "penultimate"] = "last" if (width, layers) == (1024, 23) else "penultimate"
    return TextLayout(
        flavour="open_clip",
        prefix=prefix,
        width=width,
        layers=layers,
        heads=max(1, width // 64),
        inner_width=at.size("transformer.resblocks.0.mlp.c_fc.weight", 0),
        positions=at.size("positional_embedding", 0),
        vocabulary=vocabulary,
        activation="gelu",
        output=output,
    )


class _Lookup:
    """Sizes of tensors under a prefix; a tensor that is missing is an error that names it."""

    def __init__(self, tensors: Tensors, prefix: str) -> None:
        self._tensors = tensors
        self._prefix = prefix

    def has(self, name: str) -> bool:
        return self._prefix + name in self._tensors

    def _get(self, name: str) -> Tensor:
        tensor = self._tensors.get(self._prefix + name)
        if tensor is None:
            raise FileFormatError(
                f"The checkpoint lacks the tensor {self._prefix}{name}; it is not complete, or of another kind.",
                field="checkpoint",
            )
        return tensor

    def size(self, name: str, dimension: int) -> int:
        shape = self._get(name).shape
        if dimension >= len(shape):
            raise FileFormatError(
                f"The tensor {self._prefix}{name} has shape {list(shape)}; more dimensions were expected.",
                field="checkpoint",
            )
        return shape[dimension]

    def dimensions(self, name: str) -> int:
        return self._get(name).dim()

    def numbered(self, pattern: str) -> int:
        """Count the keys of ``pattern`` with 0, 1, 2, … in its braces."""
        return next(number for number in count() if not self.has(pattern.format(number)))

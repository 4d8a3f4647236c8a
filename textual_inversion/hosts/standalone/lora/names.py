"""The layers that LoRA files name, in kohya's flat names and in diffusers' dotted ones.

kohya's scripts name a layer by its place in the model that was trained, LDM's or diffusers', with ``_`` for every dot; so
``lora_unet_`` may be followed by either. ``lora_te_`` is SD 1.x's and SD 2.x's text encoder, ``lora_te1_`` and ``lora_te2_``
are SDXL's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import nn

from ..checkpoint.build import Networks
from ..checkpoint.ldm_keys import UnetShape, unet_keys

_SUFFIX = re.compile(
    r"(?P<layer>.+?)\.(?P<part>lora_down|lora_up|lora_A|lora_B|lora\.down|lora\.up|lora_linear_layer\.down|lora_linear_layer\.up"
    r"|alpha|dora_scale|lora_mid|hada_\w+|lokr_\w+|oft_\w+|boft_\w+|diff\w*|w_norm|b_norm)(?:\.default)?(?:\.weight)?$"
)
_OLD = re.compile(
    r"(?P<attention>\.self_attn|\.attn[12])(?:\.processor)?\.to_(?P<which>q|k|v|out)_lora\.(?P<half>down|up)\.weight$"
)
"""diffusers' spelling of 2023, which its own conversion of kohya's files still makes."""


def layers_by_name(networks: Networks, shape: UnetShape) -> dict[str, nn.Module]:
    """Every linear layer and convolution of U-Net and text encoders, by all names that files have for it."""
    found: dict[str, nn.Module] = {}
    ldm = {new.removesuffix(".weight"): old.removesuffix(".weight") for old, new in unet_keys(shape).items()}
    for name, layer in networks.unet.named_modules():
        if _learns(layer):
            names = (name, ldm.get(name, name))
            found.update({f"unet.{name}": layer, **{f"lora_unet_{each.replace('.', '_')}": layer for each in names}})
    for place, tower in enumerate(networks.text.values()):
        for name, layer in tower.model.named_modules():
            if _learns(layer):
                full = name if name.startswith("text_model.") else f"text_model.{name}"
                dotted, flat = _text_prefixes(place, count=len(networks.text))
                found.update({f"{dotted}{full}": layer})
                found.update({f"{prefix}{full.replace('.', '_')}": layer for prefix in flat})
    return found


def _text_prefixes(place: int, *, count: int) -> tuple[str, tuple[str, ...]]:
    if count > 1:
        return ("text_encoder.", "text_encoder_2.")[place], (f"lora_te{place + 1}_",)
    return "text_encoder.", ("lora_te_", "lora_te1_")


def split_name(name: str) -> tuple[str, str] | None:
    """Split a tensor's name into the layer and ``down``, ``up``, ``alpha`` or the part of another method; None for anything else."""
    plain = _OLD.sub(_modern, name)
    match = _SUFFIX.fullmatch(plain)
    if match is None:
        return None
    part = match["part"].rpartition(".")[2]
    return match["layer"], {"lora_down": "down", "lora_A": "down", "lora_up": "up", "lora_B": "up"}.get(part, part)


def _modern(found: re.Match[str]) -> str:
    which = found["which"]
    in_text = found["attention"] == ".self_attn"
    layer = f"{which}_proj" if in_text else "to_out.0" if which == "out" else f"to_{which}"
    return f"{found['attention']}.{layer}.lora.{found['half']}.weight"


def _learns(layer: nn.Module) -> bool:
    return isinstance(layer, (nn.Linear, nn.Conv2d))


def family_of(names: Mapping[str, object]) -> str:
    """Guess the family that a file was made for, for a message."""
    if any(
        name.startswith(("lora_te2_", "text_encoder_2.")) or "_middle_block_1_transformer_blocks_9" in name
        for name in names
    ):
        return "SDXL"
    if any("double_blocks" in name or "transformer_blocks_18" in name for name in names):
        return "a transformer model such as Flux or SD 3"
    return "SD 1.x or 2.x"

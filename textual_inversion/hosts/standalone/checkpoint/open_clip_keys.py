"""OpenCLIP's text encoder under the names of transformers' ``CLIPTextModel``."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

_ENDS = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
PROJECTION = "text_projection"


def open_clip_text_keys(layers: int) -> dict[str, tuple[str, ...]]:
    """open_clip's name to transformers' one; for ``in_proj_*`` to three, for the thirds of its rows (q, k, v)."""
    table: dict[str, tuple[str, ...]] = {ours: (theirs,) for ours, theirs in _ENDS.items()}
    for number in range(layers):
        block, layer = f"transformer.resblocks.{number}", f"encoder.layers.{number}"
        for part in ("weight", "bias"):
            table[f"{block}.attn.in_proj_{part}"] = tuple(f"{layer}.self_attn.{x}_proj.{part}" for x in "qkv")
            table |= {f"{block}.{ours}.{part}": (f"{layer}.{theirs}.{part}",) for ours, theirs in _LAYER.items()}
    return table


def split_tensors(table: Mapping[str, tuple[str, ...]], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of ``table`` under transformers' names."""
    converted: dict[str, Tensor] = {}
    for name, targets in table.items():
        converted.update(zip(targets, tensors[name].chunk(len(targets)), strict=True))
    return converted

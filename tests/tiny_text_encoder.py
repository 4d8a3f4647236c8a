"""Tiny CLIP text encoders of fixed random weights, the same on every machine, with the full CLIP vocabulary.

One as SD 1.x has it (transformers' CLIP), one as SD 2.x has it (open_clip's). `hosts/reference/a1111_conditioning*.npz` were
computed with them (see `hosts/test_conditioning_reference.py`). The weights are
drawn with `torch.rand` only: it turns the Mersenne Twister's integers into floats exactly, while `torch.randn` differs
in the last bits from processor to processor. They are scaled so that every token changes what the others become.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import torch
from torch import Tensor

WIDTH = 64
LAYERS = 3
HEADS = 4
SD2_WIDTH = 128
SD2_LAYERS = 4
VOCABULARY = 49408
POSITIONS = 77

CONFIG = {
    "model_type": "clip_text_model",
    "architectures": ["CLIPTextModel"],
    "vocab_size": VOCABULARY,
    "hidden_size": WIDTH,
    "intermediate_size": 4 * WIDTH,
    "projection_dim": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "max_position_embeddings": POSITIONS,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
    "attention_dropout": 0.0,
    "dropout": 0.0,
    "initializer_factor": 1.0,
    "initializer_range": 0.02,
    "bos_token_id": 49406,
    "eos_token_id": 49407,
    "pad_token_id": 1,
    "torch_dtype": "float32",
}


def uniform(name: str, *shape: int, std: float, mean: float = 0.0) -> Tensor:
    """Float32 values of the given spread around `mean`, decided by `name` and the shape alone."""
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    half_width = std * 3.0**0.5
    return (torch.rand(shape, generator=generator) * 2 - 1) * half_width + mean


def text_encoder_weights(width: int = WIDTH, layers: int = LAYERS) -> dict[str, Tensor]:
    """The encoder under the names of transformers' `CLIPTextModel` (`text_model.…`), float32."""
    weights = {
        "text_model.embeddings.token_embedding.weight": uniform("tokens", VOCABULARY, width, std=1.0),
        "text_model.embeddings.position_embedding.weight": uniform("positions", POSITIONS, width, std=0.5),
    }
    for layer in range(layers):
        weights.update(_layer(f"text_model.encoder.layers.{layer}", width))
    # A mean well away from zero: the emphasis divides by the mean of the output.
    weights.update(_norm("text_model.final_layer_norm", bias_mean=0.4, width=width))
    return weights


def _layer(name: str, width: int) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
        weights.update(_linear(f"{name}.self_attn.{part}", width, width))
    weights.update(_linear(f"{name}.mlp.fc1", 4 * width, width))
    weights.update(_linear(f"{name}.mlp.fc2", width, 4 * width))
    weights.update(_norm(f"{name}.layer_norm1", bias_mean=0.0, width=width))
    weights.update(_norm(f"{name}.layer_norm2", bias_mean=0.0, width=width))
    return weights


def _linear(name: str, outputs: int, inputs: int) -> dict[str, Tensor]:
    return {
        f"{name}.weight": uniform(f"{name}.weight", outputs, inputs, std=1.2 * inputs**-0.5),
        f"{name}.bias": uniform(f"{name}.bias", outputs, std=0.1),
    }


def _norm(name: str, *, bias_mean: float, width: int = WIDTH) -> dict[str, Tensor]:
    return {
        f"{name}.weight": uniform(f"{name}.weight", width, std=0.2, mean=1.0),
        f"{name}.bias": uniform(f"{name}.bias", width, std=0.1, mean=bias_mean),
    }


def open_clip_weights(width: int = SD2_WIDTH, layers: int = SD2_LAYERS) -> dict[str, Tensor]:
    """SD 2.x's encoder under open_clip's names (`token_embedding.weight`, `transformer.resblocks.0.…`), heads of 64, float32.

    As in the real files the last layer is there although SD 2.x stops one layer earlier.
    """
    weights = {
        "token_embedding.weight": uniform("sd2 tokens", VOCABULARY, width, std=1.0),
        "positional_embedding": uniform("sd2 positions", POSITIONS, width, std=0.5),
        "text_projection": uniform("sd2 projection", width, width, std=0.1),
        "logit_scale": torch.tensor(4.6),
    }
    for layer in range(layers):
        name = f"transformer.resblocks.{layer}"
        attention = _linear(f"{name}.attn.in_proj", 3 * width, width)
        weights[f"{name}.attn.in_proj_weight"] = attention[f"{name}.attn.in_proj.weight"]
        weights[f"{name}.attn.in_proj_bias"] = attention[f"{name}.attn.in_proj.bias"]
        weights.update(_linear(f"{name}.attn.out_proj", width, width))
        weights.update(_linear(f"{name}.mlp.c_fc", 4 * width, width))
        weights.update(_linear(f"{name}.mlp.c_proj", width, 4 * width))
        weights.update(_norm(f"{name}.ln_1", bias_mean=0.0, width=width))
        weights.update(_norm(f"{name}.ln_2", bias_mean=0.0, width=width))
    weights.update(_norm("ln_final", bias_mean=0.4, width=width))
    return weights


def embedding_vectors(name: str, rows: int, width: int = WIDTH) -> Tensor:
    """The vectors [rows, width] of a reference embedding: as spread as the token table."""
    return uniform(f"embedding {name}", rows, width, std=1.0)


def projections(width: int = WIDTH) -> Tensor:
    """[width, 6] of +0.5 and -0.5: a difference d in one channel of an output shows as d / 2 in all six products."""
    return torch.where(uniform("projections", width, 6, std=1.0) > 0, 0.5, -0.5)


def write_text_encoder_folder(folder: Path) -> None:
    """Writes `config.json`, `vocab.json` and `merges.txt`, as a text-encoder folder beside a checkpoint has them."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = _merges()
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    (folder / "vocab.json").write_text(json.dumps(_vocabulary(merges), ensure_ascii=False), encoding="utf-8")


def _merges() -> list[str]:
    import open_clip  # not every web UI has it

    packed = Path(open_clip.__file__).with_name("bpe_simple_vocab_16e6.txt.gz")
    lines = gzip.decompress(packed.read_bytes()).decode("utf-8").split("\n")
    return lines[1 : VOCABULARY - 2 - 512 + 1]


def _vocabulary(merges: list[str]) -> dict[str, int]:
    import open_clip

    letters = list(open_clip.tokenizer.bytes_to_unicode().values())
    words = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(merge.split()) for merge in merges)]
    return {word: index for index, word in enumerate([*words, "<|startoftext|>", "<|endoftext|>"])}

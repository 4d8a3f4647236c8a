"""The text encoders of the loaded model, as the protocol wants to see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from modules import devices, sd_hijack_open_clip
from torch import Tensor, nn

from ...core.base.errors import LeaseError
from ...core.model.host import ModelFamily
from ...core.settings.prompts import CHUNK_TOKENS


class HostEncoder:
    """One of the web UI's hijacked CLIP encoders. Implements ``core.host.TextEncoder``."""

    def __init__(self, embedder: Any) -> None:
        self._embedder = embedder

    @property
    def width(self) -> int:
        return self._lookup.weight.shape[1]

    @property
    def _lookup(self) -> nn.Embedding:
        """The encoder's own table, below the module with which the web UI splices embeddings in."""
        raise NotImplementedError

    def tokenize(self, text: str) -> list[int]:
        return list(self._embedder.tokenize([text])[0])

    def token_text(self, token_id: int) -> str:
        if not 0 <= token_id < self._lookup.weight.shape[0]:
            return ""
        return self._decode(token_id).strip()

    def _decode(self, token_id: int) -> str:
        raise NotImplementedError

    def table(self) -> Tensor:
        return self._lookup.weight.detach().to("cpu", torch.float32)

    @torch.no_grad()
    def encode_words(self, text: str) -> Tensor:
        ids = self.tokenize(text)[:CHUNK_TOKENS]
        padding = [self._embedder.id_pad] * (CHUNK_TOKENS - len(ids))
        tokens = torch.tensor([[self._embedder.id_start, *ids, self._embedder.id_end, *padding]])
        with devices.autocast():
            output = self._last_layer(tokens.to(devices.device))
        return output[0, 1 : 1 + len(ids)].to("cpu", torch.float32)

    def _last_layer(self, tokens: Tensor) -> Tensor:
        """[1, 77] ids -> [1, 77, width], behind the final norm."""
        raise NotImplementedError


class ClipEncoder(HostEncoder):
    """transformers' CLIP: SD 1.x, and the first encoder of SDXL."""

    @property
    def _lookup(self) -> nn.Embedding:
        return self._embedder.wrapped.transformer.text_model.embeddings.token_embedding.wrapped

    def _decode(self, token_id: int) -> str:
        return self._embedder.wrapped.tokenizer.decode([token_id])

    def _last_layer(self, tokens: Tensor) -> Tensor:
        output = self._embedder.wrapped.transformer(input_ids=tokens)
        return output.last_hidden_state if hasattr(output, "last_hidden_state") else output[0]


class OpenClipEncoder(HostEncoder):
    """open_clip's: SD 2.x, and the second encoder of SDXL."""

    @property
    def _lookup(self) -> nn.Embedding:
        return self._embedder.wrapped.model.token_embedding.wrapped

    def _decode(self, token_id: int) -> str:
        return sd_hijack_open_clip.tokenizer.decode([token_id])

    def _last_layer(self, tokens: Tensor) -> Tensor:
        """Read off behind the norm: what ``encode_text`` returns is pooled, and its layouts differ between versions."""
        model, outputs = self._embedder.wrapped.model, []
        handle = model.ln_final.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
        try:
            model.encode_text(tokens)
        finally:
            handle.remove()
        return outputs[0]


_KINDS: Mapping[str, tuple[str, type[HostEncoder]]] = {
    "FrozenCLIPEmbedderWithCustomWords": ("clip_l", ClipEncoder),
    "FrozenCLIPEmbedderForSDXLWithCustomWords": ("clip_l", ClipEncoder),
    "FrozenOpenCLIPEmbedderWithCustomWords": ("clip_h", OpenClipEncoder),
    "FrozenOpenCLIPEmbedder2WithCustomWords": ("clip_g", OpenClipEncoder),
    "CLIP_SD_15_L": ("clip_l", ClipEncoder),
    "CLIP_SD_21_H": ("clip_h", ClipEncoder),
    "CLIP_SD_XL_L": ("clip_l", ClipEncoder),
    "CLIP_SD_XL_G": ("clip_g", ClipEncoder),
}
"""By the names of their classes: A1111's, then those of reForge and Forge Classic, which run all of them as transformers' CLIP."""

_FAMILIES: Mapping[tuple[str, ...], ModelFamily] = {
    ("clip_l",): "sd1",
    ("clip_h",): "sd2",
    ("clip_l", "clip_g"): "sdxl",
}


def text_embedders(model: Any) -> Sequence[Any]:
    """The modules that take texts; of SDXL's conditioner the others take sizes."""
    conditioner = getattr(model, "conditioner", None)
    if conditioner is None:
        return [model.cond_stage_model]
    return [embedder for embedder in conditioner.embedders if hasattr(embedder, "encode_embedding_init_text")]


def encoders_of(model: Any) -> tuple[ModelFamily, dict[str, HostEncoder]]:
    """The model's family, and its encoders by key. Raises LeaseError for a kind that cannot be trained."""
    found: dict[str, HostEncoder] = {}
    for embedder in text_embedders(model):
        key, kind = _KINDS.get(type(embedder).__name__, (type(embedder).__name__, HostEncoder))
        found[key] = kind(embedder)
    family = _FAMILIES.get(tuple(found))
    if family is None:
        raise LeaseError(
            f"The loaded checkpoint has text encoders of an unknown kind ({', '.join(found)}). Embeddings can be trained on "
            "SD 1.x, SD 2.x and SDXL; its refiner is none of these."
        )
    return family, found

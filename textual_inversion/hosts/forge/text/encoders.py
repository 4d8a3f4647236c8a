"""The text encoders of an engine, as the protocol wants to see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ....core.base.errors import LeaseError
from ....core.model.host import ModelFamily
from ....core.settings.prompts import CHUNK_TOKENS
from ...inference_views import ordinary_view

_ENGINES = "text_processing_engine"
_FAMILIES: Mapping[tuple[str, ...], ModelFamily] = {
    ("clip_l",): "sd1",
    ("clip_h",): "sd2",
    ("clip_l", "clip_g"): "sdxl",
}


class HostEncoder:
    """One of the web UI's text engines, with the encoder that it runs. Implements ``core.host.TextEncoder``."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    @property
    def width(self) -> int:
        return self._lookup.weight.shape[1]

    @property
    def _lookup(self) -> nn.Embedding:
        """The encoder's own table, below the module with which the web UI splices embeddings in."""
        return lookup_of(self._engine).wrapped

    def tokenize(self, text: str) -> list[int]:
        return list(self._engine.tokenize([text])[0])

    def token_text(self, token_id: int) -> str:
        if not 0 <= token_id < self._lookup.weight.shape[0]:
            return ""
        return self._engine.tokenizer.decode([token_id]).strip()

    def table(self) -> Tensor:
        weight = self._lookup.weight.detach()
        return (ordinary_view(weight) if weight.is_inference() else weight).to("cpu", torch.float32)

    @torch.no_grad()
    def encode_words(self, text: str) -> Tensor:
        engine, ids = self._engine, self.tokenize(text)[:CHUNK_TOKENS]
        padding = [engine.id_pad] * (CHUNK_TOKENS - len(ids))
        tokens = torch.tensor([[engine.id_start, *ids, engine.id_end, *padding]])
        outputs: list[Tensor] = []
        norm = engine.text_encoder.transformer.text_model.final_layer_norm
        handle = norm.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
        try:  # the first that passes there is the last layer's, whichever the clip skip asks for
            engine.encode_with_transformers(tokens)
        finally:
            handle.remove()
        return outputs[0][0, 1 : 1 + len(ids)].to("cpu", torch.float32)


def text_engines(engine: Any) -> Sequence[Any]:
    """All that turn a prompt into conditioning, in the order in which their results are put together."""
    return [value for name, value in vars(engine).items() if name.startswith(_ENGINES)]


def lookup_of(text_engine: Any) -> Any:
    """The module that splices vectors of embeddings in among those of tokens."""
    return text_engine.text_encoder.transformer.text_model.embeddings.token_embedding


def key_of(text_engine: Any) -> str:
    """``clip_l``, ``clip_h``, ``clip_g``; the class's name for those that no embedding can go into."""
    try:
        return str(lookup_of(text_engine).textual_inversion_key)
    except AttributeError:
        return type(text_engine).__name__


def encoders_of(engine: Any) -> tuple[ModelFamily, dict[str, HostEncoder]]:
    """The model's family, and its encoders by key. Raises LeaseError for a kind that cannot be trained."""
    found = {key_of(each): HostEncoder(each) for each in text_engines(engine)}
    family = _FAMILIES.get(tuple(found))
    if family is None:
        raise LeaseError(
            f"The loaded checkpoint has other text encoders ({', '.join(found) or 'none'}) than those that embeddings can be "
            "trained for. Load one of SD 1.x, SD 2.x or SDXL; SDXL's refiner, SD 3 and Flux are none of these."
        )
    return family, found

"""The text encoders of the loaded pipeline, as the protocol wants to see them."""

from __future__ import annotations

import copy
import json
from typing import Any

import torch
from torch import Tensor

_CHUNK_TOKENS = 75


def without_names(tokenizer: Any) -> Any:
    """A copy of the tokenizer that knows no embeddings: the web UI adds their names as tokens, and none can be taken out.

    The ids of what stays are the same.
    """
    plain = copy.deepcopy(tokenizer)
    backend = plain._tokenizer
    told = json.loads(backend.to_str())
    told["added_tokens"] = [token for token in told["added_tokens"] if token["id"] < tokenizer.vocab_size]
    plain._tokenizer = type(backend).from_str(json.dumps(told))
    return plain


class HostEncoder:
    """One of the pipeline's CLIP encoders. Implements ``core.host.TextEncoder``."""

    def __init__(self, tokenizer: Any, model: Any) -> None:
        self._model = model
        self._tokenizer = without_names(tokenizer)

    @property
    def width(self) -> int:
        return self._model.config.hidden_size

    def tokenize(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def token_text(self, token_id: int) -> str:
        return self._tokenizer.decode([token_id]).replace("</w>", " ").strip()

    def table(self) -> Tensor:
        """Without the rows that the web UI appends for embeddings."""
        weight = self._model.get_input_embeddings().weight
        return weight[: self._tokenizer.vocab_size].detach().to("cpu", torch.float32)

    @torch.no_grad()
    def encode_words(self, text: str) -> Tensor:
        start, end = self._tokenizer.bos_token_id, self._tokenizer.eos_token_id
        ids = self.tokenize(text)[:_CHUNK_TOKENS]
        tokens = torch.tensor([[start, *ids, *[end] * (_CHUNK_TOKENS - len(ids) + 1)]], device=self._model.device)
        output = self._model(tokens, return_dict=True).last_hidden_state
        return output[0, 1 : 1 + len(ids)].to("cpu", torch.float32)

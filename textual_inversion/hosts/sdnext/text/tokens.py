"""Vectors of ours behind tokens of ours, in copies of the pipeline's tokenizers and in its lookups.

The web UI makes an embedding of a file into tokens (``name``, ``name_1``, …) and rows of the text encoders' tables. What is
added to a tokenizer cannot be taken out of it again, and a table should not change while it is lent. So copies of the
tokenizers get tokens under names that nobody writes, and hooks on the lookups give our rows where these tokens stand.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AddedToken

from ....core.embedding.embedding import Vectors
from ..model.pipeline import text_encoders

_PREFIX = "qzxqti"
"""Begins each token of ours; letters only, and no token is a part of another."""


class Tokens:
    """Copies of the tokenizers of one pipeline, by the key of their encoder, with as many tokens of ours as were asked for."""

    def __init__(self, pipe: Any) -> None:
        encoders = text_encoders(pipe)
        self._models = {key: model for key, (_, model) in encoders.items()}
        self.tokenizers = {key: copy.deepcopy(tokenizer) for key, (tokenizer, _) in encoders.items()}
        self._names = _names(next(iter(self.tokenizers.values())))

    @contextmanager
    def standing(self, vectors: Mapping[str, Vectors], *, marks: Mapping[str, str] | None = None) -> Iterator[Standing]:
        """Inside, the lookups know these embeddings. ``marks`` tell contents apart where prompts are cached by their text.

        Differentiable with respect to the vectors; the tables stay out of the graph. Leaving takes the hooks off again.
        """
        words = {
            name: self._token(number, _rows(each), (marks or {}).get(name, ""))
            for number, (name, each) in enumerate(vectors.items())
        }
        with ExitStack() as stack:
            if vectors:
                for key, model in self._models.items():
                    rows = {words[name]: each[key] for name, each in vectors.items()}
                    stack.enter_context(self._spliced(key, model.get_input_embeddings(), rows))
            yield Standing(words, known=self._names)

    def _token(self, number: int, rows: int, mark: str) -> str:
        """The first token of a new or known series of ``rows`` tokens, as the web UI names those of a file."""
        first = f"{_PREFIX}{_letters(number)}q{_letters(rows)}q{mark}q"
        series = [first, *(f"{first}_{row}" for row in range(1, rows))]
        for tokenizer in self.tokenizers.values():
            if first not in tokenizer.added_tokens_encoder:
                tokenizer.add_tokens([AddedToken(token, normalized=False) for token in series])
        return first

    @contextmanager
    def _spliced(self, key: str, lookup: nn.Module, rows: Mapping[str, Tensor]) -> Iterator[None]:
        tokenizer = self.tokenizers[key]
        ids = [
            tokenizer.convert_tokens_to_ids(first if row == 0 else f"{first}_{row}")
            for first, each in rows.items()
            for row in range(len(each))
        ]
        places = torch.full((max(ids) + 1,), -1)
        places[torch.tensor(ids)] = torch.arange(len(ids))
        splice = _Splice(places, list(rows.values()))
        handles = [lookup.register_forward_pre_hook(splice.before), lookup.register_forward_hook(splice.after)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


class _Splice:
    """Both hooks of a lookup. ``places`` gives the row of each token id, -1 for those that are not ours."""

    def __init__(self, places: Tensor, rows: Sequence[Tensor]) -> None:
        self._places, self._rows = places, rows
        self._found = places

    def before(self, _lookup: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """Our tokens lie beyond the table: for the table they are its first token."""
        tokens: Tensor = arguments[0]
        places = self._places.to(tokens.device)
        inside = tokens < len(places)
        self._found = torch.where(inside, places[torch.where(inside, tokens, 0)], -1)
        return (torch.where(self._found >= 0, 0, tokens), *arguments[1:])

    def after(self, _lookup: nn.Module, _arguments: object, looked_up: Tensor) -> Tensor:
        if not bool((self._found >= 0).any()):
            return looked_up
        rows = torch.cat([each.to(looked_up.device) for each in self._rows]).to(looked_up.dtype)
        return torch.where((self._found >= 0)[..., None], rows[self._found.clamp(min=0)], looked_up)


class Standing:
    """Words that stand for the embeddings in a prompt, as long as the lookups know them."""

    def __init__(self, words: Mapping[str, str], *, known: Sequence[str]) -> None:
        self.words = words
        names = sorted({*words, *known}, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, names))) if words else None

    def written(self, prompt: str) -> str:
        """``prompt`` with the tokens of ours in place of the names: of names at one place the longest, as tokenizers find them."""
        if self._pattern is None:
            return prompt
        return self._pattern.sub(lambda found: self.words.get(found[0], found[0]), prompt)

    def inserted(self, prompt: str, vectors: Mapping[str, Vectors]) -> int:
        """Count the rows that go into ``prompt``, of the embeddings in ``vectors``."""
        text = self.written(prompt)
        return sum(text.count(word) * _rows(vectors[name]) for name, word in self.words.items() if name in vectors)


def _names(tokenizer: Any) -> list[str]:
    """Tokens that the web UI has added for embeddings of files."""
    return [token for token, number in tokenizer.added_tokens_encoder.items() if number >= tokenizer.vocab_size]


def _rows(vectors: Vectors) -> int:
    return len(next(iter(vectors.values())))


def _letters(number: int) -> str:
    """A number in letters a to j, so that a token has no digits that could be read as the row of another."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))

"""A1111's prompt language as pure functions: BREAK, chunks of 75 tokens, embeddings by name.

Everything here behaves as AUTOMATIC1111 v1.10.1 does (`prompt_parser.parse_prompt_attention`,
`sd_hijack_clip.tokenize_line`), its quirks included: prompts must mean the same in both. No torch, no model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ....core.base.errors import InputError
from ....core.dataset.emphasis import BREAK, parse_attention
from ....core.settings.prompts import CHUNK_TOKENS


@dataclass(frozen=True, kw_only=True)
class Insertion:
    """``rows`` vectors of the embedding ``name`` stand from ``offset`` on, counted from the token after the start."""

    offset: int
    name: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """77 token ids with their weights, and the embeddings that replace some of them."""

    tokens: tuple[int, ...]
    weights: tuple[float, ...]
    insertions: tuple[Insertion, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SpecialTokens:
    """Ids that frame a chunk. ``pad`` fills what follows the first ``end`` (SD 1.x pads with ``end`` itself)."""

    start: int
    end: int
    pad: int
    comma: int | None


class NameIndex:
    """Finds embedding names in token ids: the longest name first, among equals the one as it is spelled, or registered first."""

    def __init__(
        self,
        names: Iterable[tuple[str, Sequence[int], int]] = (),
        *,
        words: Iterable[Sequence[int]] = (),
        texts: Sequence[str] = (),
    ) -> None:
        """``names`` are (name, its token ids, its number of vectors); ``words`` are token ids that begin with a name and are
        none. Among names of the same tokens those go first that stand in ``texts`` as they are spelled."""
        self._words = [list(ids) for ids in words]
        self._by_first: dict[int, list[tuple[list[int], str, int]]] = {}
        for name, ids, rows in names:
            if ids:
                self._by_first.setdefault(ids[0], []).append((list(ids), name, rows))
        for candidates in self._by_first.values():
            if len(candidates) > 1:
                candidates.sort(key=lambda each: (-len(each[0]), not any(each[1] in text for text in texts)))

    def at(self, tokens: Sequence[int], position: int) -> tuple[str, int, int] | None:
        """(name, rows, how many tokens the name takes) where a name begins at ``position``, else None."""
        if any(list(tokens[position : position + len(ids)]) == ids for ids in self._words):
            return None
        for ids, name, rows in self._by_first.get(tokens[position], ()):
            if list(tokens[position : position + len(ids)]) == ids:
                return name, rows, len(ids)
        return None


@dataclass(kw_only=True)
class _Builder:
    """The chunks finished so far and the one being filled."""

    special: SpecialTokens
    backtrack: int
    done: list[Chunk] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    insertions: list[Insertion] = field(default_factory=list)
    last_comma: int = -1

    def close(self) -> None:
        missing = CHUNK_TOKENS - len(self.tokens)
        tokens = [self.special.start, *self.tokens, *[self.special.end] * (missing + 1)]
        weights = [1.0, *self.weights, *[1.0] * (missing + 1)]
        self.done.append(Chunk(tokens=tuple(tokens), weights=tuple(weights), insertions=tuple(self.insertions)))
        self.tokens, self.weights, self.insertions, self.last_comma = [], [], [], -1

    def make_room(self, token: int) -> None:
        """Close a full chunk; what follows a comma among its last ``backtrack`` tokens moves on to the next one."""
        if token == self.special.comma:
            self.last_comma = len(self.tokens)
        elif self._comma_is_near():
            self._move_on_after(self.last_comma + 1)
        if len(self.tokens) == CHUNK_TOKENS:
            self.close()

    def _comma_is_near(self) -> bool:
        full = len(self.tokens) == CHUNK_TOKENS
        return full and self.last_comma != -1 and len(self.tokens) - self.last_comma <= self.backtrack

    def _move_on_after(self, position: int) -> None:
        # As in A1111 the insertions stay behind: vectors keep their place in the closed chunk.
        tokens, weights = self.tokens[position:], self.weights[position:]
        self.tokens, self.weights = self.tokens[:position], self.weights[:position]
        self.close()
        self.tokens, self.weights = tokens, weights

    def insert(self, name: str, rows: int, weight: float) -> None:
        if rows > CHUNK_TOKENS:
            raise InputError(
                f"The embedding {name!r} has {rows} vectors; at most {CHUNK_TOKENS} fit into a prompt.", field="vectors"
            )
        if len(self.tokens) + rows > CHUNK_TOKENS:
            self.close()
        self.insertions.append(Insertion(offset=len(self.tokens), name=name, rows=rows))
        self.tokens += [0] * rows
        self.weights += [weight] * rows


def chunk_prompt(
    prompt: str,
    *,
    tokenize: Callable[[str], Sequence[int]],
    special: SpecialTokens,
    names: NameIndex,
    backtrack: int = 20,
) -> list[Chunk]:
    """The chunks of one prompt, at least one.

    ``backtrack`` is A1111's ``comma_padding_backtrack``. A name must lie within one span of equal weight to be found.
    Raises InputError for a weight that is no number and for an embedding of more than 75 vectors.
    """
    builder = _Builder(special=special, backtrack=backtrack)
    for text, weight in parse_attention(prompt):
        if (text, weight) == BREAK:
            builder.close()
            continue
        tokens = tokenize(text)
        position = 0
        while position < len(tokens):
            builder.make_room(tokens[position])
            found = names.at(tokens, position)
            if found is None:
                builder.tokens.append(tokens[position])
                builder.weights.append(weight)
                position += 1
            else:
                name, rows, taken = found
                builder.insert(name, rows, weight)
                position += taken
    if builder.tokens or not builder.done:
        builder.close()
    return builder.done


def empty_chunk(special: SpecialTokens) -> Chunk:
    """Padding for shorter prompts of a batch."""
    tokens = (special.start, *[special.end] * (CHUNK_TOKENS + 1))
    return Chunk(tokens=tokens, weights=(1.0,) * (CHUNK_TOKENS + 2))


def pad_after_end(tokens: Sequence[int], special: SpecialTokens) -> list[int]:
    """SD 2.x fills what follows the first end token with zeros (OpenCLIP was trained so)."""
    if special.end == special.pad:
        return list(tokens)
    end = tokens.index(special.end)
    return [*tokens[: end + 1], *[special.pad] * (len(tokens) - end - 1)]


def inserted_rows(chunks: Iterable[Chunk], names: Mapping[str, object]) -> int:
    """Count the rows of the embeddings in ``names`` that stand in these chunks."""
    return sum(fix.rows for chunk in chunks for fix in chunk.insertions if fix.name in names)

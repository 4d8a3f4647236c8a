"""CLIP's byte-pair tokenizer, from files on this machine only.

The ids are those of Hugging Face's slow ``CLIPTokenizer`` (SD 1.x, SDXL's first encoder) or of open_clip's
``SimpleTokenizer`` (SD 2.x, SDXL's second): A1111 uses exactly these two. The merges are `tokenizers`' work.
"""

from __future__ import annotations

import gzip
import html
import importlib.util
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import ftfy
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from ....core.base.errors import FileFormatError, LeaseError
from ..text.prompts import SpecialTokens

Flavour = Literal["clip", "open_clip"]

WORD_END = "</w>"
_SPECIALS: dict[Flavour, tuple[str, str]] = {
    "clip": ("<|startoftext|>", "<|endoftext|>"),
    "open_clip": ("<start_of_text>", "<end_of_text>"),
}
_MERGES = 49152 - 256 - 2
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


@lru_cache(maxsize=1)
def _byte_letters() -> dict[int, str]:
    """GPT-2's printable stand-in for every byte, in the order in which the vocabulary counts them."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


@lru_cache(maxsize=2)
def _packaged(flavour: Flavour) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges from the file inside open_clip's package; the package itself is not imported."""
    package = importlib.util.find_spec("open_clip")
    folders = list(package.submodule_search_locations or ()) if package else []
    file = next((Path(folder) / "bpe_simple_vocab_16e6.txt.gz" for folder in folders), None)
    if file is None or not file.is_file():
        raise LeaseError("The CLIP vocabulary is missing: it comes with open_clip. Run: pip install open_clip_torch")
    lines = gzip.decompress(file.read_bytes()).decode("utf-8").split("\n")[1 : _MERGES + 1]
    merges = [(first, second) for first, second in (line.split() for line in lines)]
    letters = list(_byte_letters().values())
    words = [*letters, *(letter + WORD_END for letter in letters), *("".join(pair) for pair in merges)]
    return {word: i for i, word in enumerate([*words, *_SPECIALS[flavour]])}, merges


def _from_folder(folder: Path) -> tuple[dict[str, int], list[tuple[str, str]]]:
    try:
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
        pairs = [line.split() for line in lines if line.strip() and not line.startswith("#version")]
        merges = [(first, second) for first, second in pairs]
        return {str(word): int(i) for word, i in vocabulary.items()}, merges
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise FileFormatError(f"vocab.json and merges.txt in {folder} are not a CLIP vocabulary: {error}") from error


@dataclass(frozen=True)
class ClipTokenizer:
    """Text to token ids, without start, end, padding or any parsing of brackets."""

    flavour: Flavour
    vocabulary: dict[str, int]
    backend: Tokenizer

    @classmethod
    def load(cls, flavour: Flavour = "clip", *, folder: Path | None = None) -> ClipTokenizer:
        """From ``vocab.json`` and ``merges.txt`` in ``folder`` where both are there, else from open_clip's package.

        Raises FileFormatError for files that are no vocabulary, LeaseError where open_clip is not installed.
        """
        own = folder is not None and all((folder / name).is_file() for name in ("vocab.json", "merges.txt"))
        vocabulary, merges = _from_folder(folder) if own and folder else _packaged(flavour)
        start, end = _SPECIALS[flavour]
        if start not in vocabulary or end not in vocabulary:
            raise FileFormatError(f"The vocabulary in {folder} has no {start} and {end}.")
        try:
            model = models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix=WORD_END, unk_token=end)
        except Exception as error:  # the Rust side raises bare Exceptions
            raise FileFormatError(f"The vocabulary in {folder} does not fit its merges: {error}") from error
        backend = Tokenizer(model)
        split = pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True)
        letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        backend.pre_tokenizer = pre_tokenizers.Sequence([split, letters])
        backend.add_special_tokens([start, end])
        return cls(flavour, vocabulary, backend)

    @property
    def special(self) -> SpecialTokens:
        """The ids that frame a chunk; OpenCLIP pads with 0, CLIP with the end token."""
        start, end = (self.vocabulary[word] for word in _SPECIALS[self.flavour])
        comma = self.vocabulary.get("," + WORD_END)
        return SpecialTokens(start=start, end=end, pad=end if self.flavour == "clip" else 0, comma=comma)

    def encode(self, text: str) -> list[int]:
        """Token ids of ``text``, lower-cased and with broken Unicode mended."""
        return self.backend.encode(self._clean(text), add_special_tokens=False).ids

    def _clean(self, text: str) -> str:
        text = ftfy.fix_text(text)
        if self.flavour == "open_clip":
            text = html.unescape(html.unescape(text))
        return re.sub(r"\s+", " ", text).strip().lower()

    def token_text(self, token_id: int) -> str:
        """The token as a person reads it: ``cat</w>`` becomes ``cat``. Empty for an id outside the vocabulary."""
        word = self.backend.id_to_token(token_id)
        if word is None or token_id in (self.special.start, self.special.end):
            return word or ""
        values = {letter: byte for byte, letter in _byte_letters().items()}
        data = bytes(values[letter] for letter in word.removesuffix(WORD_END) if letter in values)
        return data.decode("utf-8", errors="replace")

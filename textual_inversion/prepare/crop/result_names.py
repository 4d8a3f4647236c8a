"""Names of results, chosen so that file name captions read back as what was meant."""

from __future__ import annotations

import re
import unicodedata

MAX_BYTES = 150
"""In UTF-8, of the words: leaves room for the number before them, ``_mask`` after them and temporary suffixes."""

_FORBIDDEN = str.maketrans(dict.fromkeys('<>:"/|?*\n\r\t', " "))
_OWN_NUMBERS = re.compile(r"^\d{5,}-\d+[- ]\s*")
_LIKE_A_MASK = re.compile(r"[_-](?=(mask|att|masklabel)$)", re.IGNORECASE)


def caption_in(stem: str) -> str:
    """The words of a source's name that are its caption: without A1111's own numbering (``00012-0-1girl``), if it has that."""
    return _OWN_NUMBERS.sub("", stem)


def result_stem(index: int, part: int, words: str) -> str:
    """``00012-0-WORDS`` as A1111 names them: a number for the source, one for the part or copy.

    A1111 takes leading digits and dashes off when it reads a caption from a file name, so that words that begin with
    one of these (``1girl``) are set off by a space, which ends that.
    """
    plain = file_words(words)
    gap = " " if plain[:1].isdigit() or plain[:1] == "-" else "-"
    return f"{index:05}-{part}{gap}{plain}" if plain else f"{index:05}-{part}"


def file_words(words: str) -> str:
    """``words`` without what file systems forbid, at most 150 bytes, cut between words where it can be.

    Backslashes, which escape brackets in captions, are dropped. An ending that would make the file the mask of another
    picture (``face_mask``) is written ``face mask``.
    """
    kept = "".join(character for character in words.replace("\\", "").translate(_FORBIDDEN) if _printable(character))
    kept = re.sub(r"\s+", " ", kept).strip(" .")
    if len(kept.encode()) > MAX_BYTES:
        kept = kept.encode()[:MAX_BYTES].decode(errors="ignore")
        kept = re.sub(r"[\s,]+\S*$", "", kept) or kept
    return _LIKE_A_MASK.sub(" ", kept).strip(" .,")


def loses_something(words: str) -> bool:
    """True where a file name cannot hold these words, apart from the backslashes that escape brackets."""
    return file_words(words) != words.replace("\\", "").strip()


def _printable(character: str) -> bool:
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}

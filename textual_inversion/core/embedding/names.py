"""Names of embeddings, and names of their files.

A name is typed into prompts and becomes a file: it must survive both. Prompts: A1111 strips or re-weights
``( ) [ ] \\ :`` and cuts at ``,``, ``|``, ``<...>`` (extra networks), ``#`` (comments), ``AND`` and ``BREAK``; this program
reads ``NAME@STEP`` as a saved step (``step_copies``).
"""

from __future__ import annotations

import re
import unicodedata

from ..base.errors import InputError

MAX_NAME_BYTES = 180
"""In UTF-8: leaves room for ``-STEP.preview.png`` and temporary suffixes within the 255 of most file systems."""

_SEPARATORS = "/\\"
_PROMPT_SYNTAX = "()[]:,<>|#@"
_FORBIDDEN_IN_FILES = '<>:"/\\|?*'
_PROMPT_WORDS = re.compile(r"\b(AND|BREAK)\b")
_FILE_ENDING = re.compile(r"(\.(pt|pth|bin|ckpt|safetensors|png|webp))+$", re.IGNORECASE)
_WINDOWS_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?", re.IGNORECASE)


def check_name(name: str) -> str:
    """``name`` itself when it may name an embedding; raises InputError saying which rule it breaks."""
    if not name.strip():
        raise _refused(name, "it is empty", "Type a name")
    if name != name.strip() or name.endswith("."):
        raise _refused(name, "it begins or ends with a space, or ends with a dot", "Leave that out")
    if name.startswith("."):
        raise _refused(name, "it begins with a dot, which hides files", "Leave the dot out")
    _check_characters(name)
    if word := _PROMPT_WORDS.search(name):
        raise _refused(name, f"{word.group()} has a meaning of its own in prompts", "Write it in small letters")
    if _WINDOWS_RESERVED.fullmatch(name):
        raise _refused(name, "Windows keeps it for itself", "Choose another name")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise _refused(name[:40] + "…", f"it is longer than {MAX_NAME_BYTES} bytes", "Choose a shorter one")
    return name


def check_new_name(name: str) -> str:
    """``name`` itself where a new file may be called so. Raises InputError as ``check_name``, and for a file's ending."""
    stem = re.sub(_FILE_ENDING, "", name.strip())
    if stem != name.strip() and stem:
        raise _refused(name, "it ends like a file, and the ending is put behind it", f"Leave that out: {stem!r}")
    return check_name(name)


def mention_of(name: str) -> re.Pattern[str]:
    """Finds ``name`` in a text as a word of its own: not the ``thing`` in ``something``."""
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")


def file_name_for(token: str) -> str:
    """The file name (without extension) for a token: what file systems forbid is dropped.

    ``<kuvshinov-style>`` -> ``kuvshinov-style``. Raises InputError where nothing is left.
    """
    kept = "".join(c for c in token if c not in _FORBIDDEN_IN_FILES and not _is_control(c))
    kept = kept.strip().strip(".").strip()
    while len(kept.encode()) > MAX_NAME_BYTES:
        kept = kept[:-1].rstrip(" .")
    if not kept:
        raise _refused(token, "nothing of it can be used in a file name", "Choose a name with letters")
    return f"{kept}_" if _WINDOWS_RESERVED.fullmatch(kept) else kept


def _check_characters(name: str) -> None:
    for character in name:
        if character in _SEPARATORS:
            raise _refused(name, f"{character!r} separates folders", "Leave it out")
        if character in _PROMPT_SYNTAX:
            raise _refused(name, f"{character!r} has a meaning of its own in prompts", "Leave it out")
        if character in _FORBIDDEN_IN_FILES:
            raise _refused(name, f"{character!r} is forbidden in file names on Windows", "Leave it out")
        if _is_control(character):
            raise _refused(name, f"it holds the invisible character U+{ord(character):04X}", "Leave it out")


def _is_control(character: str) -> bool:
    """Control, format (direction marks), surrogate, private and line separator characters; unassigned ones too."""
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"}


def _refused(name: str, why: str, what_to_do: str) -> InputError:
    return InputError(f"{name!r} cannot be the name of an embedding: {why}. {what_to_do}.", field="name")

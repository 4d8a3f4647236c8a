"""Words that look like the syntax of a web UI, or like a placeholder of ours, and are read as plain words in training."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

_FOREIGN = (
    r"<\w+:[^<>\n]+>",  # extra networks: <lora:foo:0.8>
    r"<'[^<>\n]*'[^<>\n]*>",  # embedding-merge
    r"(?<!\w)embedding:[^\s,:()\[\]]+",  # ComfyUI
    r"(?<!\w)__[\w/*-]*\w[\w/*-]*__(?!\w)",  # wildcards
    r"\{[^{}\n]*\|[^{}\n]*\}",  # variants
    r"\[[^\[\]\n]*:[^\[\]\n]*:\s*\d*\.?\d+\s*\]",  # prompt editing: [red:blue:0.5], [red::10]
    r"\[[^\[\]:\n]*:\s*\d*\.?\d+\s*\]",  # [blue:0.5]
    r"\[[^\[\]\n]*\|[^\[\]\n]*\]",  # alternation
    r"(?<=\s)AND(?=\s)",
    r"\)[+-]{1,}|\)\d*\.\d+|(?<=[a-z])\+{2,}(?=[\s,]|$)",  # weights as InvokeAI writes them
    r"(?:^|(?<=\s))--(?:ar|v|no|niji|stylize|chaos|seed|n|w|h|d|l|s)\s+\S+",  # Midjourney, kohya's prompt files
)
_BRACKETED = re.compile(
    r"\[([^\[\]\n]{1,30})\]|\{([^{}\n]{0,30})\}|<([^<>\n]{1,30})>|%(\w{1,30})%|\((name|filewords?)\)"
    r"|\[(name|filewords?)\b(?!\])|(?<![\[\w])(name|filewords?)\]",
    re.IGNORECASE,
)
_NAMES = {"", "name", "names", "nam", "nme", "nmae", "naem", "embedding", "token", "trigger", "placeholder"}
_FILEWORDS = {"filewords", "filename", "filenames", "caption", "captions", "filetext", "fliewords"}


def misspelt_placeholders(text: str) -> dict[str, str]:
    """Find what was probably meant for [name] or [filewords], as it is written -> what is filled in.

    >>> misspelt_placeholders("a photo of {name}, [Filewords], [red] <trigger>")
    {'{name}': '[name]', '[Filewords]': '[filewords]', '<trigger>': '[name]'}
    """
    found: dict[str, str] = {}
    for match in _BRACKETED.finditer(text):
        written, inner = match.group(), next(group for group in match.groups() if group is not None)
        meant = _meant(re.sub(r"[\W_]+", "", inner).casefold(), blank=not inner.strip())
        if meant and written != meant:
            found[written] = meant
    return found


def _meant(word: str, *, blank: bool) -> str:
    if word in _NAMES and (word or blank):
        return "[name]"
    if word in _FILEWORDS or SequenceMatcher(None, word, "filewords").ratio() > 0.75:
        return "[filewords]"
    return ""


def foreign_syntax(text: str) -> list[str]:
    """Find the first of each kind of prompt syntax that trainings do not know, as it is written.

    >>> foreign_syntax("[name] <lora:foo:0.8>, __color__, {red|blue} AND a circle, [red:blue:0.5]")
    ['<lora:foo:0.8>', '__color__', '{red|blue}', '[red:blue:0.5]', 'AND']
    """
    found = [match.group().strip() for kind in _FOREIGN if (match := re.search(kind, text)) is not None]
    return found if text != text.upper() else [each for each in found if each != "AND"]  # shouted, not composed

"""The formats in docs/formats.md and in the README, made from the table: ``python -m textual_inversion.core.formats.documentation``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from ..settings.file_formats import FORMATS, PROGRAMS, READ_ONLY, FileFormat, Loads

_ROOT = Path(__file__).resolve().parents[3]
PAGES = (_ROOT / "docs" / "formats.md", _ROOT / "README.md")
_MARKED = re.compile(r"(<!-- formats: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_WORDS = {"yes": "yes", "no": "–", "half": "CLIP-L only", "": "?"}


def with_formats(page: str) -> str:
    """The page with what stands between ``<!-- formats: PART -->`` and ``<!-- end -->`` made anew."""
    return _MARKED.sub(lambda match: f"{match[1]}{PARTS[match[2]]()}{match[3]}", page)


def table() -> str:
    """A row for each format, a column for each program."""
    rows = [f"| `{name}` | {form.what} | {_cells(form)} |" for name, form in FORMATS.items()]
    head = f"| Format | What it is | {' | '.join(PROGRAMS)} |"
    return "\n".join(["", head, "|---" * (2 + len(PROGRAMS)) + "|", *rows, "", ""])


def sentences() -> str:
    """The README's list."""
    read = "; ".join([*(form.what for form in FORMATS.values()), *READ_ONLY.values()])
    written = ", ".join(f"`{name}`" for name in FORMATS)
    return f"**Formats** that are read: {read}. `convert` writes them too, but for the last {len(READ_ONLY)}: `--format` {written}.\n"


def _cells(form: FileFormat) -> str:
    return " | ".join(_cell(form, form.loads.get(program)) for program in PROGRAMS)


def _cell(form: FileFormat, loads: Loads | None) -> str:
    if loads is None:
        return "?"
    found = {1: loads.single, 2: loads.sdxl}
    told = {encoders: _WORDS[found[encoders]] for encoders in form.encoders}
    words = told[form.encoders[0]] if len(set(told.values())) == 1 else f"{told[1]}; SDXL: {told[2]}"
    extra = [f"as {loads.name}"] if loads.name and "yes" in found.values() else []
    extra += [f"not {' '.join(loads.not_endings)}"] if set(loads.not_endings) & set(form.suffixes) else []
    return ", ".join([words, *extra])


PARTS: Mapping[str, Callable[[], str]] = {"table": table, "list": sentences}


if __name__ == "__main__":
    for each in PAGES:
        each.write_text(with_formats(each.read_text(encoding="utf-8")), encoding="utf-8")

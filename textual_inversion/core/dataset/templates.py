"""Prompt templates: text files with one prompt a line, in which [name] and [filewords] are filled in.

Matches A1111's ``textual_inversion_templates``, except that empty lines are no prompts, and that a line is drawn at
every step and not once for each picture.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ..base.errors import InputError
from ..base.pasted_path import exists, pasted_path
from ..base.randomness import choice_index
from ..base.sentences import listed
from ..base.text_files import read_text
from ..embedding.mentions import mentions
from .prompt_syntax import foreign_syntax, misspelt_placeholders

NAME = "[name]"
FILEWORDS = "[filewords]"


@dataclass(frozen=True, kw_only=True)
class TemplateFile:
    """A template that was found. ``label`` is what lists show and configurations hold: the file's name, with its
    folder behind it where an earlier folder has a file of that name too."""

    label: str
    name: str
    path: Path
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Template:
    """The prompts of one file, stripped and not empty, and what a person should know about them."""

    path: Path
    lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def uses_captions(self) -> bool:
        """True where some prompt holds [filewords]."""
        return any(FILEWORDS in line for line in self.lines)

    def draw(self, source: torch.Generator) -> str:
        """One line, each as likely as the others."""
        return self.lines[choice_index(source, len(self.lines))]


def shipped_templates_dir() -> Path:
    """The folder with the templates that come with the project."""
    return Path(__file__).resolve().parents[3] / "templates"


def list_templates(folders: Sequence[Path]) -> list[TemplateFile]:
    """All ``.txt`` files of the folders and their subfolders, earlier folders first, each folder in order of names.

    ``name`` is the path within its folder, with forward slashes. Folders that are not there are left out.
    """
    found = [
        (path.relative_to(folder).as_posix(), path, folder)
        for folder in dict.fromkeys(folders)
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() == ".txt" and not path.name.startswith(".") and path.is_file()
    ]
    seen: Counter[str] = Counter()
    files: list[TemplateFile] = []
    for name, path, folder in found:
        label = f"{name} ({folder})" if seen[name.lower()] else name
        seen[name.lower()] += 1
        files.append(TemplateFile(label=label, name=name, path=path, folder=folder))
    return files


def find_template(choice: str, folders: Sequence[Path]) -> Path:
    """The file that a label, a name (with or without ``.txt``) or a path means; a name wins over a path.

    Of several files of one name the first folder's counts. Raises InputError with what there is to choose from.
    """
    path = pasted_path(choice)
    wanted = str(path) if choice.strip() else ""
    files = list_templates(folders)
    exact = [file for file in files if file.label == wanted]
    folded = wanted.replace("\\", "/").lower()
    named = [file for file in files if file.name.lower() in (folded, f"{folded}.txt")]
    bare = [file for file in files if file.path.name.lower() in (folded, f"{folded}.txt")]
    for matches in (exact, named, bare):
        if matches:
            return matches[0].path
    if wanted and exists(path) and path.is_file():
        return path
    known = ", ".join(file.label for file in files) or "none"
    raise InputError(
        f"There is no prompt template {choice!r}. Give the path of a text file, or one of: {known}.", field="template"
    )


def load_template(choice: str, folders: Sequence[Path], *, name: str) -> Template:
    """Find and read a template for the embedding ``name``.

    Raises InputError for a file without prompts, and for one where no prompt can hold the embedding: neither [name] nor
    the name itself, nor [filewords], whose captions may hold it.
    """
    path = find_template(choice, folders)
    lines = tuple(line.strip() for line in read_text(path, field="template").splitlines() if line.strip())
    if not lines:
        raise InputError(f"The prompt template {path.name} holds no prompt: it is empty.", field="template")
    without = [line for line in lines if NAME not in line and FILEWORDS not in line and not mentions(line, name)]
    misspelt = {written: meant for line in lines for written, meant in misspelt_placeholders(line).items()}
    if len(without) == len(lines):
        meant = "".join(f" ({written} is not filled in; {right} is.)" for written, right in list(misspelt.items())[:1])
        raise InputError(
            f"No prompt of the template {path.name} holds [name], so nothing would be learned. Write for example "
            f"'a photo of [name]'.{meant}",
            field="template",
        )
    return Template(path=path, lines=lines, warnings=tuple(_warnings(path, lines, without, misspelt)))


def _warnings(path: Path, lines: Sequence[str], without: Sequence[str], misspelt: Mapping[str, str]) -> Iterator[str]:
    """Sentences on lines that were hardly meant as they are; what captions do to them is for ``prompt_check``."""
    if without:
        yield (
            f"{len(without)} of {len(lines)} prompts in {path.name} lack [name], for example {without[0]!r}. "
            "A step with such a prompt teaches the embedding nothing."
        )
    if misspelt:
        told = ", ".join(f"{written} (filled in is {meant})" for written, meant in misspelt.items())
        yield f"In {path.name} these are not filled in, but read as words: {told}."
    if foreign := listed(piece for line in lines for piece in foreign_syntax(line)):
        yield f"In {path.name} there is syntax of web UIs that means nothing in training, where it is read as words: {foreign}."


def render(line: str, *, name: str, filewords: str) -> str:
    """Fill a line in: [filewords] first and then [name], as A1111 does, so a caption may hold [name].

    Where there is no caption, the comma that led to it goes too: A1111 leaves two, and the text encoder sees both.
    """
    if not filewords and FILEWORDS in line:
        line = re.sub(r"\s*,(\s*,)*", ",", line.replace(FILEWORDS, "")).strip(" ,")
    return line.replace(FILEWORDS, filewords).replace(NAME, name)

"""Report on a folder of pictures before training on it. Advice only: nothing here forbids a run.

``CHECKS`` are functions from the material to findings; ``report`` takes more of them, for what needs other libraries.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..base.sentences import listed
from ..settings.prompts import CHUNK_TOKENS
from .captions import loses_a_number, sides_named
from .finding import Finding
from .items import DatasetItem
from .prompt_check import PromptCheck
from .survey import Survey
from .templates import FILEWORDS, NAME, Template, render

_FEW = 5
_ADVISED_VECTORS = ((10, (2, 3)), (39, (5, 6)), (60, (8, 10)), (100, (10, 12)))
_VECTORS_FOR_MORE = (12, 16)

CountTokens = Callable[[str], "int | None"]


@dataclass(frozen=True, kw_only=True)
class ReportInput:
    """Input of the checks. ``template`` None: no prompts are known; ``vectors``, ``name`` None: no embedding is. ``pair``: for
    training a pair (APT), which is meant for one picture and more vectors. ``torn`` as in ``PromptCheck``."""

    survey: Survey
    template: Template | None = None
    name: str | None = None
    torn: bool = False
    vectors: int | None = None
    count_tokens: CountTokens | None = None
    pair: bool = False

    @property
    def items(self) -> Sequence[DatasetItem]:
        return self.survey.items

    @property
    def prompts(self) -> PromptCheck | None:
        """The check of the template with the captions."""
        if self.template is None:
            return None
        names = () if self.name is None else (self.name,)
        return PromptCheck(template=self.template, items=self.items, names=names, torn=self.torn)


Check = Callable[[ReportInput], Iterable[Finding]]


@dataclass(frozen=True, kw_only=True)
class DatasetReport:
    """``unusable`` pictures are not among ``pictures``. ``sizes`` counts the pictures of each training size; ``problems`` are
    what training would refuse."""

    pictures: int
    captions: int
    unusable: int
    sizes: dict[str, int]
    problems: tuple[str, ...]
    findings: tuple[Finding, ...]

    def to_mapping(self) -> dict[str, Any]:
        """Fit for JSON."""
        return asdict(self)

    @property
    def summary(self) -> str:
        """Number of pictures, training sizes and captions in one sentence."""
        sizes = list(self.sizes.items())
        told = [size if len(sizes) == 1 else f"{count} at {size}" for size, count in sizes[:4]]
        shapes = ", ".join(told) + (f" and {len(sizes) - 4} other sizes" if len(sizes) > 4 else "")
        captions = "all with captions" if self.captions == self.pictures else f"{self.captions} with captions"
        total = f"{self.pictures} of {self.pictures + self.unusable} pictures" if self.unusable else ""
        return f"{total or f'{self.pictures} picture' + ('s' if self.pictures != 1 else '')} ({shapes}), {captions}."


def report(material: ReportInput, *, more: Sequence[Check] = ()) -> DatasetReport:
    """Everything that the checks find, in their order."""
    items = material.items
    sizes = Counter(f"{item.size[0]}x{item.size[1]}" for item in items)
    notes = [Finding(kind="note", message=note) for note in material.survey.notes]
    found = [finding for check in (*CHECKS, *more) for finding in check(material)]
    prompts = material.prompts
    broken = [] if prompts is None else [problem.message for problem in prompts.problems()]
    return DatasetReport(
        pictures=len(items),
        captions=sum(bool(item.caption) for item in items),
        unusable=len(material.survey.problems),
        sizes=dict(sizes.most_common()),
        problems=(*material.survey.problems, *broken),
        findings=(*notes, *found),
    )


def advised_vectors(pictures: int) -> tuple[int, int]:
    """Fewest and most vectors for so many pictures (1 or more), as the usual guides to A1111's trainer give them."""
    return next((vectors for most, vectors in _ADVISED_VECTORS if pictures <= most), _VECTORS_FOR_MORE)


def advice_on_vectors(pictures: int) -> str:
    """The same as a sentence."""
    low, high = advised_vectors(pictures)
    return f"{pictures} picture{'s' if pictures != 1 else ''}: {low} to {high} vectors are advised."


def _few(material: ReportInput) -> Iterator[Finding]:
    count = len(material.items)
    if 0 < count < _FEW and not material.pair:
        yield Finding(
            kind="few",
            message=f"{count} picture{'s are' if count > 1 else ' is'} few: what they have in common by chance is learned too. "
            f"{_FEW} to 10 different ones are enough for a thing or a person.",
        )


def _vectors(material: ReportInput) -> Iterator[Finding]:
    count, vectors = len(material.items), material.vectors
    if not count or vectors is None or material.pair or vectors <= 1.5 * advised_vectors(count)[1]:
        return
    low, high = advised_vectors(count)
    yield Finding(
        kind="vectors",
        message=f"{vectors} vectors are many for {count} picture{'s' if count != 1 else ''}: {low} to {high} are advised, or more pictures.",
    )


def _duplicates(material: ReportInput) -> Iterator[Finding]:
    for copies in _same_files([item.path for item in material.items]):
        names = [path.name for path in copies]
        yield Finding(
            kind="duplicate",
            message=f"The same file {len(copies)} times, so it counts as often: {listed(names)}.",
            files=tuple(map(str, copies)),
        )


def _same_files(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Files of the same bytes; only those of equal length are read."""
    by_length: dict[int, list[Path]] = defaultdict(list)
    for path in dict.fromkeys(paths):
        by_length[path.stat().st_size].append(path)
    for alike in by_length.values():
        if len(alike) > 1:
            by_content: dict[bytes, list[Path]] = defaultdict(list)
            for path in alike:
                by_content[hashlib.sha256(path.read_bytes()).digest()].append(path)
            yield from (copies for copies in by_content.values() if len(copies) > 1)


def _captions(material: ReportInput) -> Iterator[Finding]:
    """Missing captions where the prompts want them; captions that no prompt shows."""
    template = material.template
    if template is None:
        return
    if template.uses_captions:
        missing = [item.path for item in material.items if not item.caption]
        if missing:
            yield Finding(
                kind="caption-missing",
                message=f"Without a caption, so {FILEWORDS} is empty for: {listed([path.name for path in missing])}.",
                files=tuple(map(str, missing)),
            )
        named = [item.path for item in material.items if item.caption and item.caption_file is None]
        if named:
            yield Finding(
                kind="caption-from-name",
                message=f"Captions taken from file names: {listed([path.name for path in named])}. A text file of the same name "
                "beside the picture goes before it.",
                files=tuple(map(str, named)),
            )
    else:
        files = [item.path for item in material.items if item.caption and item.caption_file is not None]
        if files:
            yield Finding(
                kind="caption-unused",
                message=f"There are captions in text files, but no prompt of {template.path.name} holds {FILEWORDS}, so they are not used. "
                "Its _filewords variant uses them.",
            )


def _long_prompts(material: ReportInput) -> Iterator[Finding]:
    """Prompts beyond one chunk: captions and the longest line of the template around them, with the vectors."""
    template, count = material.template, material.count_tokens
    if template is None or count is None:
        return
    lengths = {item.path: _longest(item.caption, template, material.vectors or 1, count) for item in material.items}
    long = {path: length for path, length in lengths.items() if length is not None and length > CHUNK_TOKENS}
    if long:
        most = max(long.values())
        yield Finding(
            kind="prompt-long",
            message=f"Longer than {CHUNK_TOKENS} tokens with the prompt around the caption (up to {most}): "
            f"{listed([path.name for path in long])}. Such a prompt is read in two parts or more: slower, and its end counts less.",
            files=tuple(map(str, long)),
        )


def _longest(caption: str, template: Template, vectors: int, count: CountTokens) -> int | None:
    lines = [line for line in template.lines if FILEWORDS in line] or list(template.lines)
    line = max(lines, key=len)
    known = count(render(line.replace(NAME, " "), name="", filewords=caption))
    return None if known is None else known + vectors * line.count(NAME)


def _prompts(material: ReportInput) -> Iterator[Finding]:
    if material.prompts is not None:
        yield from material.prompts.findings()


def _sides(material: ReportInput) -> Iterator[Finding]:
    named = [item for item in material.items if sides_named(item.caption)]
    if named:
        yield Finding(
            kind="left-right",
            message=f"Captions that say left or right, which is wrong of a mirrored copy: {listed(item.path.name for item in named)}. "
            "Do not flip these, or take the words out.",
            files=tuple(str(item.path) for item in named),
        )


def _shared_captions(material: ReportInput) -> Iterator[Finding]:
    """One text file for ``a.png`` and ``a.jpg``."""
    pictures: dict[Path, dict[str, None]] = defaultdict(dict)
    for item in material.items:
        if item.caption_file is not None:
            pictures[item.caption_file][item.path.name] = None
    for file, names in pictures.items():
        if len(names) > 1:
            yield Finding(
                kind="caption-shared",
                message=f"{file.name} is the caption of {len(names)} pictures: {listed(names)}.",
                files=(str(file),),
            )


def _cut_numbers(material: ReportInput) -> Iterator[Finding]:
    """``3d render`` becomes ``d render``: A1111 takes digits at the front for the number of the picture."""
    if material.template is None or not material.template.uses_captions:
        return
    cut = [item.path for item in material.items if item.caption_file is None and loses_a_number(item.path.stem)]
    if cut:
        yield Finding(
            kind="caption-number",
            message="Digits at the front of a file name are taken for a number, as in A1111, and are missing in the captions of: "
            f"{listed(path.name for path in cut)}. Put the number and a space before such a name (1 3d render), or write a text file.",
            files=tuple(map(str, cut)),
        )


CHECKS: tuple[Check, ...] = (
    *(_few, _vectors, _duplicates, _captions, _cut_numbers, _shared_captions),
    *(_prompts, _sides, _long_prompts),
)

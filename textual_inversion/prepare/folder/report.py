"""Report on each file of the source, in words that can be shown and kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

FileOutcome = Literal["made", "there", "left out", "unreadable", "companion"]
"""made now; there since an earlier time; left out for a reason; a picture that cannot be read; goes along with a picture."""


@dataclass(frozen=True, kw_only=True)
class FileReport:
    """``name`` is relative to the source, ``results`` to the destination. ``reason`` is a sentence unless it was made."""

    name: str
    outcome: FileOutcome
    reason: str = ""
    results: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_mapping(self) -> dict[str, Any]:
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


@dataclass(frozen=True, kw_only=True)
class JobReport:
    """All files in the order in which they were looked at. ``notes`` are about the job as a whole."""

    files: tuple[FileReport, ...]
    interrupted: bool = False
    notes: tuple[str, ...] = ()
    counts: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", counted(self.files))

    @property
    def results(self) -> int:
        """Count the pictures that were written."""
        return sum(len(file.results) for file in self.files if file.outcome == "made")

    def summary(self) -> str:
        """One sentence."""
        return summarised(self.counts, self.results, interrupted=self.interrupted)

    def to_mapping(self) -> dict[str, Any]:
        return {
            "counts": self.counts,
            "results": self.results,
            "interrupted": self.interrupted,
            "notes": list(self.notes),
            "files": [file.to_mapping() for file in self.files],
        }


def counted(files: Iterable[FileReport]) -> dict[str, int]:
    return dict(Counter(file.outcome for file in files))


def summarised(counts: dict[str, int], results: int, *, interrupted: bool = False) -> str:
    made = counts.get("made", 0)
    parts = [f"{results} picture{'s' if results != 1 else ''} made from {made} file{'s' if made != 1 else ''}"]
    told = {
        "there": "there already",
        "left out": "left out",
        "unreadable": "unreadable",
        "companion": "captions and masks",
    }
    parts += [f"{counts[key]} {words}" for key, words in told.items() if counts.get(key)]
    return ("Interrupted. " if interrupted else "") + ", ".join(parts) + "."

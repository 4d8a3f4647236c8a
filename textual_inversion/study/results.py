"""Results as small JSON files, one an arm, written anew after every run: what is there is not computed again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core.base.files import write_text

SHIPPED = Path(__file__).parent / "results"


@dataclass(frozen=True, kw_only=True)
class Result:
    """One training, judged after ``evaluations`` pictures had gone through the U-Net (0: nothing was trained).

    ``loss`` is the fixed-batch loss then, ``start_loss`` before training; ``norm`` the mean length of the vectors in units of
    the model's own; ``curve`` all fixed-batch losses as (step, loss). Shares as in ``judging.Score``.
    """

    arm: str
    concept: str
    seed: int
    evaluations: int
    score: dict[str, Any]
    steps: int = 0
    loss: float | None = None
    start_loss: float | None = None
    norm: float | None = None
    drift: float | None = None
    gain: float | None = None
    outcome: str = ""
    curve: tuple[tuple[int, float], ...] = ()

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.arm, self.concept, self.seed, self.evaluations


class Results:
    """All results below a folder."""

    def __init__(self, folder: Path = SHIPPED) -> None:
        self.folder = folder

    def of(self, arm: str) -> list[Result]:
        """The results of one arm, in the order in which they came."""
        path = self._path(arm)
        if not path.exists():
            return []
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [Result(**{**row, "curve": tuple(map(tuple, row["curve"]))}) for row in rows]

    def add(self, some: Iterable[Result]) -> None:
        """Keep results; one of the same training at the same point takes the place of the older."""
        for result in some:
            kept = {each.key: each for each in self.of(result.arm)}
            kept[result.key] = result
            lines = [json.dumps(asdict(each)) for each in kept.values()]
            self.folder.mkdir(parents=True, exist_ok=True)
            write_text(self._path(result.arm), "[\n" + ",\n".join(lines) + "\n]\n")

    def has(self, arm: str, concept: str, seed: int) -> bool:
        """Tell whether that training was judged at its end."""
        return any(each.concept == concept and each.seed == seed and each.outcome for each in self.of(arm))

    def _path(self, arm: str) -> Path:
        return self.folder / f"{arm}.json"

"""Estimate the time of a run from the pace of earlier ones with the same kind of model on the same device.

Each run leaves ``pace.json`` in its folder: seconds a step, previews and measurements between the steps included.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import InputError
from ..base.files import write_json
from ..record.events import Event, Stepped
from ..record.run_folder import open_run_directory, runs_of
from ..settings.train_config import TrainConfig

FILE = "pace.json"
_FEWEST, _WARMING_UP = 10, 3
_LOOKED_AT = 40
_SAME, _OTHER = (0.85, 1.25), (0.6, 1.7)
"""Spread between two runs of the same settings on an otherwise idle machine; and of settings that were converted."""

_AGAIN = {"none": 1.0, "selective": 1.05, "full": 4 / 3}
_PAIR, _IN_TURN = 2.0, 3.0
"""Two predictions a step; made again for the gradient where they are made in turn."""


class PaceRecord:
    """Takes in a run's events and writes what its steps cost on average."""

    def __init__(self) -> None:
        self._seconds, self._steps = 0.0, 0

    def note(self, event: Event) -> None:
        if isinstance(event, Stepped):
            self._steps += 1
            self._seconds += event.seconds if self._steps > _WARMING_UP else 0.0

    def write(self, run: Path) -> None:
        """Nothing for a run too short to tell. Raises ResourceError as ``write_json``."""
        if self._steps >= _FEWEST:
            counted = self._steps - _WARMING_UP
            write_json(run / FILE, {"seconds_per_step": self._seconds / counted, "steps": counted})


@dataclass(frozen=True, kw_only=True)
class PastPace:
    """A finished run's: ``work`` as ``work_of`` counts it, ``device`` as torch names it, ``widths`` of its text encoders."""

    seconds: float
    work: float
    device: str
    widths: tuple[int, ...]


def work_of(config: TrainConfig) -> float:
    """Cost of a step, in units that are the same for all sizes and batches."""
    again = _AGAIN[config.recompute]
    if config.apt:
        again *= _IN_TURN if config.halves_in_turn else _PAIR
    return config.width * config.height * config.batch_size * config.gradient_accumulation * again


def recent_paces(log_dirs: Iterable[Path]) -> Iterator[PastPace]:
    """Of the newest runs below some log directories."""
    for log_dir in log_dirs:
        for root in itertools.islice(runs_of(log_dir), _LOOKED_AT):
            pace = _read(root)
            if pace is not None:
                yield pace


def estimate_seconds(
    config: TrainConfig, steps: int, paces: Iterable[PastPace], *, device: str, widths: Iterable[int]
) -> tuple[float, float] | None:
    """Least and most for so many steps; None where no run tells. The pace of the newest run with the same work counts, else of
    the newest with other work."""
    wanted, work = (device, tuple(widths)), work_of(config)
    known = [pace for pace in paces if (pace.device, pace.widths) == wanted]
    same = [pace for pace in known if pace.work == work]
    if not known:
        return None
    pace = (same or known)[0]
    low, high = _SAME if same else _OTHER
    seconds = steps * pace.seconds * work / pace.work
    return seconds * low, seconds * high


def _read(root: Path) -> PastPace | None:
    try:
        _, content = open_run_directory(root)
        config = TrainConfig.from_mapping(content["config"])
        resolved = content["resolved"]
        seconds = float(json.loads((root / FILE).read_text(encoding="utf-8"))["seconds_per_step"])
        widths = tuple(int(width) for width in resolved["widths"].values())
        return PastPace(seconds=seconds, work=work_of(config), device=str(resolved["device"]), widths=widths)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError):
        return None  # somebody else's folder, a run still going, or of an older version


def spoken(seconds: tuple[float, float]) -> str:
    """``about 10 to 15 min``"""
    low, high = seconds
    for unit, length in (("s", 1), ("min", 60), ("h", 3600)):
        if high < 90 * length or unit == "h":
            return f"about {_figure(low / length)} to {_figure(high / length)} {unit}"
    return ""


def _figure(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if value < 3 else f"{value:.0f}"

"""One run on disk: what its folder holds, and what it told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.base.errors import InputError
from ...core.dataset.find import natural_key
from ...core.record.events import Event, Saved
from ...core.record.run_folder import RunDirectory
from ...core.settings.train_config import TrainConfig
from .advice import Advice
from .from_disk import events_of
from .log import EventLog
from .summary import Progress

_PREVIEWS = 60
"""As many of the newest are offered for choosing."""


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A run's folder as its last save left it. ``written`` is in seconds since 1970; ``step`` is where it stands, None where it
    has no state that could be gone on from."""

    id: str
    directory: RunDirectory
    config: TrainConfig
    written: float
    step: int | None = None
    best_step: int | None = None

    @property
    def folder(self) -> Path:
        return self.directory.root

    @property
    def copies(self) -> dict[int, Path]:
        """The kept steps."""
        return self.directory.copies()

    def previews(self) -> list[Path]:
        """The newest ones, in the order of their steps."""
        return sorted((self.folder / "images").glob("*.png"), key=natural_key)[-_PREVIEWS:]

    def preview(self, name: str) -> Path:
        """One of ``previews`` by file name. Raises InputError where there is none."""
        found = next((path for path in self.previews() if path.name == name), None)
        if found is None:
            raise InputError(f"This run has no preview {name!r}.", field="picture")
        return found

    def summary(self) -> dict[str, Any]:
        """The same keys as ``Run.summary``, as far as they are known."""
        return {
            "id": self.id,
            "name": self.config.name,
            "state": "resumable",
            "created": self.written,
            "last_event": 0,
            "step": self.step or 0,
            "total_steps": self.config.steps,
            "run_dir": str(self.folder),
        }

    def to_mapping(self, *, called: str) -> dict[str, Any]:
        """A run as the Library shows it among those that made an embedding, which is ``called`` so in prompts by now."""
        config = self.config
        return {
            "id": self.id,
            "folder": str(self.folder),
            "date": self.folder.parent.name,
            "steps": list(self.copies),
            "previews": [path.name for path in self.previews()],
            "total_steps": config.steps,
            "prompts": [prompt.replace("[name]", called) for prompt in config.preview_prompts],
            "negative_prompt": config.preview_negative_prompt.replace("[name]", called),
            "sampler": config.preview_sampler,
            "sampling_steps": config.preview_steps,
            "guidance_scale": config.preview_guidance_scale,
            "seed": config.preview_seed,
            "width": config.preview_width or config.width,
            "height": config.preview_height or config.height,
        }

    def history(self, *, up_to: int | None = None) -> History:
        """The story that its folder tells; as far as step ``up_to`` for a run that continues from there, whose copies are its own."""
        history = History()
        for event in events_of(self.folder, up_to=up_to):
            if up_to is None or not isinstance(event, Saved):
                history.add(event)
        step = (self.step or 0) if up_to is None else up_to
        history.progress.step, history.progress.total_steps = step, self.config.steps
        history.progress.run_dir, history.progress.best_step = str(self.folder), self.best_step
        return history


class History:
    """The events of a run and what they add up to."""

    def __init__(self) -> None:
        self.log, self.progress, self.advice = EventLog(), Progress(), Advice()

    def add(self, event: Event) -> None:
        self.log.append(event)
        self.progress.update(event)
        self.advice.update(event)

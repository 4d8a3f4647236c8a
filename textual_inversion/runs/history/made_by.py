"""The runs that made an embedding, wherever the log directories have them: their saved steps and previews."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.base.errors import InputError, UserError
from ...core.dataset.find import natural_key
from ...core.record.run_folder import RunDirectory, open_run_directory, runs_of
from ...core.settings.train_config import TrainConfig
from .stored_run import id_of

_PREVIEWS = 60
"""As many of the newest are offered for choosing."""


@dataclass(frozen=True, kw_only=True)
class MadeBy:
    """One run's folder. ``id`` follows from where it lies."""

    id: str
    directory: RunDirectory
    config: TrainConfig

    @property
    def copies(self) -> dict[int, Path]:
        return self.directory.copies()

    def previews(self) -> list[Path]:
        """The newest ones, in the order of their steps."""
        return sorted((self.directory.root / "images").glob("*.png"), key=natural_key)[-_PREVIEWS:]

    def preview(self, name: str) -> Path:
        """One of ``previews`` by file name. Raises InputError where there is none."""
        found = next((path for path in self.previews() if path.name == name), None)
        if found is None:
            raise InputError(f"This run has no preview {name!r}.", field="picture")
        return found

    def to_mapping(self, *, called: str) -> dict[str, Any]:
        """``called``: the embedding's name now, for the prompts."""
        config = self.config
        return {
            "id": self.id,
            "folder": str(self.directory.root),
            "date": self.directory.root.parent.name,
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


def runs_that_made(name: str, log_dirs: Iterable[Path]) -> list[MadeBy]:
    """The newest first. A folder whose run.json is of another program, or broken, is left out."""
    folders = dict.fromkeys(root.resolve() for log_dir in log_dirs for root in runs_of(log_dir, name))
    return [run for root in folders if (run := _opened(root)) is not None]


def _opened(root: Path) -> MadeBy | None:
    try:
        directory, content = open_run_directory(root)
        config = TrainConfig.from_mapping(content["config"])
    except UserError:
        return None
    return MadeBy(id=id_of(root), directory=directory, config=config)

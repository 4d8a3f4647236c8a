"""The report on a training folder, with the advice of the guides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ...core.dataset.find import FolderSpec
from ...core.dataset.report import DatasetReport, ReportInput, report
from ...core.dataset.survey import survey
from ...core.dataset.templates import load_template
from ...core.settings.train_config import TrainConfig
from .advice import advice_checks


def check_folder(
    folder: str | Path,
    *,
    width: int,
    height: int,
    recursive: bool = False,
    template: str = "",
    template_dirs: Sequence[Path] = (),
    learned: str = "",
    count_tokens: Callable[[str], int | None] | None = None,
) -> DatasetReport:
    """Look at every picture of ``folder``. ``template`` "" looks at no prompts; ``learned`` are words for what is to be learned.

    Raises InputError where the folder or the template cannot be read.
    """
    found = survey(
        TrainConfig(width=width, height=height, recursive=recursive),
        whole=True,
        folders=[FolderSpec(path=Path(folder))],
    )
    lines = load_template(template, template_dirs, name="embedding") if template.strip() else None
    material = ReportInput(survey=found, template=lines, count_tokens=count_tokens)
    return report(material, more=advice_checks(learned=learned))

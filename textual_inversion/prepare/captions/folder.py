"""Captions for the pictures of a folder, written beside them. Can be stopped, run again, and undone."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from ...core.base.errors import InputError
from ...core.model.captioning import CaptionModels
from ...core.pictures.open import open_picture
from ..crop.job import Progress, Watch
from ..folder.report import FileReport, JobReport
from ..folder.training_folder import Captioned, TrainingFolder
from ..settings.captions import CaptionSettings
from .text import combined, needs_new
from .writers import CaptionWriters


def caption_folder(
    folder: Path,
    settings: CaptionSettings,
    models: CaptionModels,
    *,
    recursive: bool = False,
    watch: Watch = lambda _progress: None,
    stop: Callable[[], bool] = lambda: False,
) -> JobReport:
    """Caption every picture of ``folder``. What text files say already is treated as ``settings.existing`` says; a run
    after an interrupted one goes on with ``existing="keep"``.

    Raises InputError where no model is named, the folder has no pictures, or a model is missing.
    """
    if not settings.caption:
        raise InputError("No captioning model is chosen: blip or deepbooru.", field="caption")
    training = TrainingFolder(folder, recursive=recursive)
    pictures = training.pictures()
    if not pictures:
        raise InputError(f"There are no pictures in {folder}.", field="source")
    files: list[FileReport] = []
    group = secrets.token_hex(6)  # one thing to undo, however many batches

    def tell(report: FileReport) -> None:
        files.append(report)
        watch(Progress(done=len(files), total=len(pictures), file=report))

    with ExitStack() as stack:
        writers = CaptionWriters(replace(settings, caption_to="txt"), models, stack)
        size = settings.caption_batch
        interrupted = False
        for first in range(0, len(pictures), size):
            if stop():
                interrupted = True
                break
            for report in _captioned(training, pictures[first : first + size], settings, writers, group=group):
                tell(report)
    return JobReport(files=tuple(files), interrupted=interrupted, notes=tuple(writers.notes))


def _captioned(
    training: TrainingFolder,
    batch: list[Captioned],
    settings: CaptionSettings,
    writers: CaptionWriters,
    *,
    group: str,
) -> list[FileReport]:
    """One batch: looked at together, saved together."""
    reports: dict[str, FileReport] = {}
    opened = []
    for each in batch:
        old = each.caption if each.written else ""
        if each.problem:
            reports[each.name] = FileReport(name=each.name, outcome="unreadable", reason=each.problem)
        elif not needs_new(old, settings):
            reports[each.name] = FileReport(name=each.name, outcome="there", reason="It has a caption already.")
        else:
            try:
                opened.append((each.name, old, open_picture(training.folder / each.name).rgb))
            except InputError as error:
                reports[each.name] = FileReport(name=each.name, outcome="unreadable", reason=error.message)
    texts = writers.write([picture for _, _, picture in opened])
    captions = {name: combined(old, new, settings) for (name, old, _), new in zip(opened, texts, strict=True)}
    training.write(f"Captions by {' and '.join(settings.caption)}", captions, group=group)
    for name, caption in captions.items():
        reports[name] = FileReport(name=name, outcome="made", results=(name,), notes=(caption,))
    return [reports[each.name] for each in batch]

"""Everything a run needs that can be found out before the model is borrowed; mistakes show here, beside their field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..base.errors import FileFormatError, InputError
from ..dataset.load import Dataset, DatasetOptions, load_dataset
from ..dataset.templates import Template, load_template
from ..embedding.embedding import Embedding
from ..embedding.names import check_name
from ..embedding.pair import join_halves, positive_half
from ..embeddings_folder.find import find_embedding
from ..formats import read_embedding
from ..model.host import Host, Lease
from ..model.lora import parse_loras
from ..record.run_folder import RunDirectory, new_run_directory, open_run_directory
from ..record.scalars import check_tensorboard
from ..record.state_file import load_state
from ..settings.rate_text import parse_schedule
from ..settings.train_config import TrainConfig
from ..update.state import RunState
from .negative_half import Partner, check_pair, find_partner, pair_warnings
from .plan import check_remaining, check_together
from .prompts import check_prompts
from .stopping import never_settles


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run before its lease. ``run`` is None for a new run, whose folder is made once the model was lent.

    ``origin`` is the file in the embeddings folder that has the name now, if there is one. ``partner`` is the negative half
    where a pair is trained.
    """

    config: TrainConfig
    source: Embedding
    origin: Path | None
    start_step: int
    dataset: Dataset
    template: Template
    run: RunDirectory | None
    state: RunState | None
    recorded: Mapping[str, Any]
    warnings: tuple[str, ...]
    partner: Partner | None = None

    def directory(self) -> RunDirectory:
        """The run's folder, made now for a new run."""
        return self.run or new_run_directory(Path(self.config.log_dir), self.config.name)

    def is_unpublished(self) -> bool:
        """True for a resumed run that was killed before it wrote its embedding to the embeddings folder."""
        if self.state is None:
            return False
        best = self.state.best_step if self.config.keep_best else None
        origins = [self.origin] if self.partner is None else [self.origin, self.partner.origin]
        try:
            there = min(-1 if origin is None else read_embedding(origin).step or 0 for origin in origins)
        except FileFormatError:
            return True
        return there < (self.state.step if best is None else best)

    def vectors(self, lease: Lease) -> dict[str, torch.Tensor]:
        """The vectors to begin with, under the leased model's encoder keys. Raises FileFormatError for another width."""
        widths = {key: encoder.width for key, encoder in lease.encoders.items()}
        vectors = self.source.for_encoders(widths)
        return vectors if self.partner is None else join_halves(vectors, self.partner.source.for_encoders(widths))

    def check_checkpoint(self, lease: Lease) -> None:
        """A resumed run must go on with the checkpoint it began with. Raises InputError naming both."""
        wanted, found = self.recorded.get("checkpoint_sha256"), lease.checkpoint.sha256
        if wanted and found and wanted != found:
            raise InputError(
                f"This run was trained on the checkpoint {self.recorded.get('checkpoint_name')} [{wanted[:10]}]; loaded is "
                f"{lease.checkpoint.name} [{found[:10]}]. Load the first one to resume, or train the embedding anew.",
                field="checkpoint",
            )


def prepare(
    config: TrainConfig, host: Host, *, resume: Path | None, from_step: int | None, dataset: Dataset | None = None
) -> Job:
    """Find and check everything. Raises InputError; nothing has been written then.

    ``dataset``: what another reading of the pictures has found, in place of the whole one.
    """
    check_together(config)
    parse_schedule(config.learning_rate, total_steps=config.steps)
    parse_schedule(config.clip_value, total_steps=config.steps, field="clip_value")
    check_pair(config)
    if config.tensorboard:
        check_tensorboard()
    if config.vae:
        host.find_vae(config.vae)
    parse_loras(config.lora)
    template = load_template(config.template, host.template_dirs, name=config.name)
    run, recorded, state, source = _beginning(config, host, resume=resume, from_step=from_step)
    partner = find_partner(config, host, run=run, state=state, recorded=recorded, from_step=from_step)
    dataset = dataset or load_dataset(config.data, dataset_options(config), recursive=config.recursive)
    pictures = [str(item.path) for item in dataset.items]
    start_step = state.step if state is not None else (source.step or 0)
    warnings = [
        *_advice(config, template),
        *_stopping_advice(config, start_step if state is None else state.first_step),
        *template.warnings,
        *pair_warnings(config, source, partner),
        *dataset.notes,
        *check_prompts(config, template, partner, dataset.items, host),
    ]
    if state is not None and recorded.get("pictures", pictures) != pictures:
        warnings.append(
            "The pictures are not those that the run began with, so it goes on with other steps than it would have."
        )
    if state is not None and recorded.get("prompts", list(template.lines)) != list(template.lines):
        warnings.append(
            "The prompt template is not what the run began with, so it goes on with other steps than it would have."
        )
    if from_step is not None and state is None:
        warnings.append(
            f"Going on from the copy of step {from_step}: the optimiser starts afresh, its state was not kept with it."
        )
    job = Job(
        config=config,
        source=source,
        origin=_origin(config, host),
        start_step=start_step,
        dataset=dataset,
        template=template,
        run=run if from_step is None or state is not None else None,
        state=state,
        recorded=recorded,
        warnings=tuple(warnings),
        partner=partner,
    )
    if not job.is_unpublished():  # a run that was killed before its embedding was written may have no steps left
        check_remaining(config, start_step=start_step)
    return job


def _origin(config: TrainConfig, host: Host) -> Path | None:
    """The embedding's file in the host's folder; a run can be resumed without it."""
    try:
        return find_embedding(host.embeddings_dir, config.name)
    except InputError:
        return None


def _beginning(
    config: TrainConfig, host: Host, *, resume: Path | None, from_step: int | None
) -> tuple[RunDirectory | None, Mapping[str, Any], RunState | None, Embedding]:
    if resume is None:
        return None, {}, None, read_embedding(find_embedding(host.embeddings_dir, config.name))
    check_name(config.name)  # it becomes file names, and a run.json may come from anywhere
    run, content = open_run_directory(resume)
    if run.name != config.name:
        raise InputError(f"{resume} is a run of {run.name!r}, not of {config.name!r}.", field="name")
    recorded = _recorded(content)
    state = _state_of(run, needed=from_step is None)
    if from_step is not None and (state is None or state.step != from_step):
        return run, recorded, None, _copy_of(run, from_step)
    if state is None:
        raise InputError(f"{run.root} holds no resume state. Continue from one of its copies: {list(run.kept())}.")
    source = Embedding(
        vectors=positive_half(state.vectors), name=config.name, step=state.step, notes=recorded.get("notes", {})
    )
    return run, recorded, state, source


def _recorded(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Read what run.json says about the run; what has not the form that we give it is left out."""
    found: Mapping[str, Any] = content["resolved"] if isinstance(content.get("resolved"), dict) else {}
    notes: Mapping[str, Any] = found["notes"] if isinstance(found.get("notes"), dict) else {}
    digest = found.get("checkpoint_sha256")
    return {
        **found,
        "notes": {key: text for key, text in notes.items() if isinstance(text, str)},
        "checkpoint_sha256": digest if isinstance(digest, str) else None,
    }


def _state_of(run: RunDirectory, *, needed: bool) -> RunState | None:
    """A state that cannot be read is told, except where one of the copies is to be used in its place."""
    try:
        return load_state(run.state) if run.state.exists() else None
    except FileFormatError:
        if needed:
            raise
        return None


def _copy_of(run: RunDirectory, step: int) -> Embedding:
    copies = run.kept()
    if step not in copies:
        kept = ", ".join(map(str, copies)) or "none"
        raise InputError(f"No copy of step {step} was kept in {run.root}. Kept steps: {kept}.", field="from_step")
    return read_embedding(copies[step])


def dataset_options(config: TrainConfig) -> DatasetOptions:
    """Options for reading a run's pictures."""
    return DatasetOptions(
        width=config.width,
        height=config.height,
        fit=config.fit,
        flip=config.flip,
        alpha_weight=config.alpha_weight,
        masks=config.masks,
        mask_floor=config.mask_floor,
        filename_regex=config.filename_regex,
        filename_join=config.filename_join,
    )


def _advice(config: TrainConfig, template: Template) -> list[str]:
    """Settings that are allowed and seldom meant."""
    sentences: list[str] = []
    if config.optimizer == "prodigy" and _first_rate(config) < 0.1:
        sentences.append(
            f"prodigy finds the learning rate by itself and multiplies it by yours ({config.learning_rate}): 1 is meant to be "
            "set with it."
        )
    if (config.shuffle_tags or config.tag_dropout or config.caption_dropout) and not template.uses_captions:
        sentences.append(
            f"Shuffling and dropping out of tags and captions change nothing here: no prompt of {template.path.name} holds "
            "[filewords]. Its _filewords variant does."
        )
    return sentences


def _stopping_advice(config: TrainConfig, first_step: int) -> list[str]:
    """Tell of a run that is asked to stop by itself and never could. ``first_step`` is the one it began at, pauses or not."""
    if not config.auto_stop:
        return []
    sentence = never_settles(steps=max(0, config.steps - first_step), every=config.evaluate_every)
    return [] if sentence is None else [sentence]


def _first_rate(config: TrainConfig) -> float:
    return parse_schedule(config.learning_rate, total_steps=config.steps).rate_at(0)

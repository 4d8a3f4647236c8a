"""Everything a run needs that can be found out before the model is borrowed; mistakes show here, beside their field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..base.errors import FileFormatError, InputError
from ..dataset.items import Dataset
from ..dataset.survey import Survey, survey
from ..dataset.templates import Template, load_template
from ..embedding.embedding import Embedding
from ..embedding.pair import join_halves
from ..formats import read_embedding
from ..loss.guidance_scale import Guidance
from ..model.host import Host, Lease
from ..model.lora import LoraUse, parse_loras
from ..record.run_folder import RunDirectory, new_run_directory
from ..record.scalars import check_tensorboard
from ..settings.rate import Schedule
from ..settings.rate_text import parse_schedule
from ..settings.train_config import TrainConfig
from ..update.state import RunState
from .advice import plan_advice
from .beginning import Beginning, find_beginning
from .negative_half import Partner, find_partner, pair_warnings, read_guidance
from .prompts import check_prompts
from .rules import advice, check_remaining, check_together


@dataclass(frozen=True, kw_only=True)
class Job:
    """One run before its lease. ``run`` is None for a new run, whose folder is made once the model was lent.

    ``origin`` is the file in the embeddings folder that has the name now, if there is one. ``partner`` is the negative half
    where a pair is trained, and ``guidance`` what it is trained with. Whatever the settings hold as text was read into these,
    and nobody reads it again.
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
    learning_rate: Schedule
    clip_limit: Schedule
    guidance: Guidance | None
    loras: tuple[LoraUse, ...]
    partner: Partner | None

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
        """The vectors [vectors, width] to begin with, under the leased model's encoder keys. Raises FileFormatError
        for another width."""
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
    config: TrainConfig, host: Host, *, resume: Path | None, from_step: int | None, seen: Survey | None = None
) -> Job:
    """Find, read and check everything. Raises InputError; nothing has been written then.

    Of pictures the headers are read: what only decoding finds is told when they are encoded. ``seen`` is a closer look at
    them, if there was one.
    """
    check_together(config)
    learning_rate = parse_schedule(config.learning_rate, total_steps=config.steps)
    clip_limit = parse_schedule(config.clip_value, total_steps=config.steps, field="clip_value")
    guidance = read_guidance(config)
    if config.tensorboard:
        check_tensorboard()
    if config.vae:
        host.find_vae(config.vae)
    loras = parse_loras(config.lora)
    template = load_template(config.template, host.template_dirs, name=config.name)
    beginning = find_beginning(config, host, resume=resume, from_step=from_step)
    source, state = beginning.source, beginning.state
    partner = find_partner(config, host, beginning, from_step=from_step)
    seen = seen or survey(config)
    dataset = seen.dataset(flip=config.flip)
    warnings = [
        *advice(config, template, learning_rate, first_step=beginning.first_step),
        *(() if state else plan_advice(config, learning_rate, beginning.start_step, native_size=host.native_size)),
        *template.warnings,
        *pair_warnings(config, source, partner),
        *dataset.notes,
        *check_prompts(config, template, partner, seen.items, host),
        *_changes(beginning, dataset, template),
    ]
    if from_step is not None and state is None:
        warnings.append(
            f"Going on from the copy of step {from_step}: the optimiser starts afresh, its state was not kept with it."
        )
    job = Job(
        config=config,
        source=source,
        origin=beginning.origin,
        start_step=beginning.start_step,
        dataset=dataset,
        template=template,
        run=beginning.run if from_step is None or state is not None else None,
        state=state,
        recorded=beginning.recorded,
        warnings=tuple(warnings),
        learning_rate=learning_rate,
        clip_limit=clip_limit,
        guidance=guidance,
        loras=loras,
        partner=partner,
    )
    if not job.is_unpublished():  # a run that was killed before its embedding was written may have no steps left
        check_remaining(config, learning_rate, start_step=job.start_step)
    return job


def _changes(beginning: Beginning, dataset: Dataset, template: Template) -> list[str]:
    """Sentences where a resumed run finds other material than it began with."""
    if beginning.state is None:
        return []
    material = {
        "pictures": ("pictures are not those that", [str(item.path) for item in dataset.items]),
        "prompts": ("prompt template is not what", list(template.lines)),
    }
    return [
        f"The {what} the run began with, so it goes on with other steps than it would have."
        for key, (what, now) in material.items()
        if beginning.recorded.get(key, now) != now
    ]

"""Plan of a run, with nothing left open; written as ``run.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..base.errors import InputError
from ..dataset.templates import NAME, render
from ..model.host import Lease
from ..settings.optimiser import BUILT_IN_OPTIMIZERS, OptimiserSettings
from ..settings.rate import Schedule
from ..settings.rate_text import parse_schedule
from ..settings.train_config import TrainConfig
from ..update.named_optimizer import is_named, optimizer_class, parse_arguments

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """A run, resolved. Steps are absolute: ``start_step`` were done before, training ends at ``end_step``.

    ``negative_vectors`` is 0 unless a pair is trained. ``table_norms`` is the mean length of each encoder's own token vectors; norms are shown and limited in its units.
    """

    config: TrainConfig
    start_step: int
    end_step: int
    learning_rate: Schedule
    clip_limit: Schedule
    table_norms: Mapping[str, float]
    widths: Mapping[str, int]
    vectors: int
    checkpoint_name: str
    checkpoint_path: str | None
    checkpoint_sha256: str | None
    device: str
    prediction_type: str
    template: str
    prompts: Sequence[str]
    preview_prompts: Sequence[str]
    pictures: Sequence[str]
    notes: Mapping[str, str]
    negative_vectors: int
    partner_notes: Mapping[str, str]

    def to_mapping(self) -> dict[str, Any]:
        """The content of ``run.json``: the person's own settings, and what they came to."""
        resolved = asdict(replace(self, notes=dict(self.notes), partner_notes=dict(self.partner_notes)))
        del resolved["config"]
        resolved["learning_rate"] = self.config.learning_rate
        resolved["clip_limit"] = self.config.clip_value
        return {"version": VERSION, "config": self.config.to_mapping(), "resolved": resolved}


@dataclass(frozen=True, kw_only=True)
class PlanInput:
    """Material of a plan besides the settings."""

    start_step: int
    vectors: int
    template: str
    prompts: Sequence[str]
    pictures: Sequence[str]
    table_norms: Mapping[str, float]
    notes: Mapping[str, str]
    negative_vectors: int = 0
    partner_notes: Mapping[str, str] = field(default_factory=dict[str, str])


def check_together(config: TrainConfig) -> None:
    """Rules between fields. Raises InputError beside the field to change."""
    if config.min_timestep > config.max_timestep:
        raise InputError(
            f"The lowest timestep ({config.min_timestep}) is above the highest ({config.max_timestep}).",
            field="min_timestep",
        )
    if config.width % 8 or config.height % 8:
        raise InputError(f"{config.width}x{config.height}: width and height must be multiples of 8.", field="width")
    for name, side in (("preview_width", config.preview_width), ("preview_height", config.preview_height)):
        if side % 8:
            raise InputError(f"Previews cannot be {side} pixels wide or high; choose a multiple of 8.", field=name)
    _check_optimizer(config)
    if config.optimizer == "prodigy" and config.norm_rule == "fixed":
        raise InputError(
            "prodigy measures how far the vectors move, and the norm rule 'fixed' moves them too: choose adamw, or the rule "
            "'clamp' or 'none'.",
            field="norm_rule",
        )
    if config.auto_stop and not config.evaluate_every:
        raise InputError(
            "Stopping by itself needs the fixed-batch loss: set 'Measure the fixed-batch loss every N steps' above 0.",
            field="evaluate_every",
        )
    if config.keep_best and not config.evaluate_every:
        raise InputError(
            "The best step is chosen by the fixed-batch loss: set 'Measure the fixed-batch loss every N steps' above 0.",
            field="evaluate_every",
        )


def check_remaining(config: TrainConfig, *, start_step: int) -> None:
    """Raise InputError where no step is left for an embedding that has had ``start_step`` of them."""
    if start_step >= config.steps:
        raise InputError(
            f"{config.name!r} has had {start_step} steps already and Max steps is {config.steps}. Give a higher number to "
            "train it further.",
            field="steps",
        )
    learning_rate = parse_schedule(config.learning_rate, total_steps=config.steps)
    if learning_rate.end <= start_step:
        raise InputError(
            f"The learning rate {config.learning_rate!r} ends at step {learning_rate.end}, and {config.name!r} has had "
            f"{start_step} steps already. Add a rate for the later steps.",
            field="learning_rate",
        )


def resolve(config: TrainConfig, lease: Lease, given: PlanInput) -> RunPlan:
    """Settings, model and pictures -> a plan. The settings have been checked (``core.job.prepare``)."""
    learning_rate = parse_schedule(config.learning_rate, total_steps=config.steps)
    clip_limit = parse_schedule(config.clip_value, total_steps=config.steps, field="clip_value")
    return RunPlan(
        config=config,
        start_step=given.start_step,
        end_step=learning_rate.end,
        learning_rate=learning_rate,
        clip_limit=clip_limit,
        table_norms=given.table_norms,
        widths={key: encoder.width for key, encoder in lease.encoders.items()},
        vectors=given.vectors,
        checkpoint_name=lease.checkpoint.name,
        checkpoint_path=str(lease.checkpoint.path.resolve()) if lease.checkpoint.path else None,
        checkpoint_sha256=lease.checkpoint.sha256,
        device=str(lease.device),
        prediction_type=lease.schedule.prediction_type,
        template=given.template,
        prompts=given.prompts,
        preview_prompts=config.preview_prompts or (_preview_prompt(given.prompts),),
        pictures=given.pictures,
        notes=given.notes,
        negative_vectors=given.negative_vectors,
        partner_notes=given.partner_notes,
    )


def _preview_prompt(prompts: Sequence[str]) -> str:
    """The template's first prompt with the embedding in it, without a caption."""
    named = next((prompt for prompt in prompts if NAME in prompt), NAME)
    return render(named, name=NAME, filewords="")


def _check_optimizer(config: TrainConfig) -> None:
    if config.optimizer not in BUILT_IN_OPTIMIZERS and not is_named(config.optimizer):
        raise InputError(
            f"There is no optimiser {config.optimizer!r}. There are {', '.join(BUILT_IN_OPTIMIZERS)}, and any other by module and "
            "class, for example torch.optim.RAdam.",
            field="optimizer",
        )
    if is_named(config.optimizer):
        _check_no_setting_is_lost(config)
        optimizer_class(config.optimizer)
        parse_arguments(config.optimizer_args)
    elif config.optimizer_args.strip():
        raise InputError(
            f"The optimiser {config.optimizer} has settings of its own here, and arguments would have no effect on it: they are for "
            "one named by module and class.",
            field="optimizer_args",
        )


def _check_no_setting_is_lost(config: TrainConfig) -> None:
    usual = OptimiserSettings()
    for name, written in (
        ("beta1", "betas=(0.9, 0.999)"),
        ("beta2", "betas=(0.9, 0.999)"),
        ("weight_decay", "weight_decay=0.01"),
    ):
        if getattr(config, name) != getattr(usual, name):
            raise InputError(
                f"{name} is for the optimisers that are built in. Write it among the arguments of {config.optimizer} instead, for "
                f"example {written}.",
                field=name,
            )

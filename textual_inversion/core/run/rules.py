"""Rules between settings: those that cannot go together, and those that are allowed and seldom meant."""

from __future__ import annotations

from ..base.errors import InputError
from ..dataset.templates import Template
from ..settings.optimiser import BUILT_IN_OPTIMIZERS, OptimiserSettings
from ..settings.rate import Schedule
from ..settings.train_config import TrainConfig
from ..update.named_optimizer import is_named, optimizer_class, parse_arguments
from .stopping import never_settles


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


def check_remaining(config: TrainConfig, learning_rate: Schedule, *, start_step: int) -> None:
    """Raise InputError where no step is left for an embedding that has had ``start_step`` of them."""
    if start_step >= config.steps:
        raise InputError(
            f"{config.name!r} has had {start_step} steps already and Max steps is {config.steps}. Give a higher number to "
            "train it further.",
            field="steps",
        )
    if learning_rate.end <= start_step:
        raise InputError(
            f"The learning rate {config.learning_rate!r} ends at step {learning_rate.end}, and {config.name!r} has had "
            f"{start_step} steps already. Add a rate for the later steps.",
            field="learning_rate",
        )


def advice(config: TrainConfig, template: Template, learning_rate: Schedule, *, first_step: int) -> list[str]:
    """Sentences about settings that are allowed and seldom meant. ``first_step`` is the one the run began at, pauses or not."""
    sentences: list[str] = []
    if config.optimizer == "prodigy" and learning_rate.rate_at(0) < 0.1:
        sentences.append(
            f"prodigy finds the learning rate by itself and multiplies it by yours ({config.learning_rate}): 1 is meant to be "
            "set with it."
        )
    if (config.shuffle_tags or config.tag_dropout or config.caption_dropout) and not template.uses_captions:
        sentences.append(
            f"Shuffling and dropping out of tags and captions change nothing here: no prompt of {template.path.name} holds "
            "[filewords]. Its _filewords variant does."
        )
    if config.auto_stop:
        never = never_settles(steps=max(0, config.steps - first_step), every=config.evaluate_every)
        sentences += [never] if never else []
    return sentences


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

"""The optimisers, made for the trained vectors alone, and their state as plain tensors and numbers."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from ..base.errors import InputError
from ..settings.optimiser import ClipMode
from ..settings.train_config import TrainConfig
from .direction import Direction
from .named_optimizer import is_named, named_optimizer
from .prodigy import Prodigy

_BUILT_IN = (torch.optim.AdamW, Prodigy, Direction)


@dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """Tensors that learn at ``rate_weight`` times the learning rate."""

    parameters: Sequence[torch.nn.Parameter]
    rate_weight: float = 1.0


def make_optimizer(config: TrainConfig, groups: Sequence[ParameterGroup]) -> torch.optim.Optimizer:
    """AdamW as A1111 makes it (weight decay 0 unless asked), Prodigy, Direction, or one by the name of its class.

    The rate is set before every step.
    """
    betas = (config.beta1, config.beta2)
    parameters: list[dict[str, Any]] = [
        {"params": list(group.parameters), "rate_weight": group.rate_weight} for group in groups
    ]
    if config.optimizer == "prodigy":
        return Prodigy(parameters, betas=betas, weight_decay=config.weight_decay)
    if config.optimizer == "direction":
        return Direction(parameters, prior=config.direction_prior)
    if is_named(config.optimizer):
        return named_optimizer(config.optimizer, config.optimizer_args, parameters)
    return torch.optim.AdamW(parameters, lr=1.0, betas=betas, weight_decay=config.weight_decay)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next step; a group keeps its own share of it. (DreamArtist lost it at the first change of rate.)"""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_weight"]


def clip_gradients(parameters: Sequence[torch.nn.Parameter], mode: ClipMode, limit: float) -> None:
    """Clip the gradients [vectors, width] by value or by norm over all vectors, on true (unscaled) gradients; A1111
    clips scaled ones by mistake."""
    if mode == "disabled" or all(parameter.grad is None for parameter in parameters):
        return  # torch fails where no prompt of the step held the embedding
    if mode == "value":
        torch.nn.utils.clip_grad_value_(parameters, limit)
    else:
        torch.nn.utils.clip_grad_norm_(parameters, limit)


def gradient_norm(parameters: Sequence[torch.nn.Parameter]) -> float:
    """The norm of all gradients [vectors, width] together."""
    squares = [parameter.grad.float().pow(2).sum() for parameter in parameters if parameter.grad is not None]
    return float(torch.stack([square.cpu() for square in squares]).sum().sqrt()) if squares else 0.0


def step_with(optimizer: torch.optim.Optimizer) -> None:
    """Take a step. Raises InputError where an optimiser by name cannot: it may know no sparse, small or differently fast groups."""
    if type(optimizer) in _BUILT_IN:
        optimizer.step()
        return
    try:
        optimizer.step()
    except torch.cuda.OutOfMemoryError:
        raise
    except Exception as error:
        raise InputError(
            f"The optimiser {type(optimizer).__module__}.{type(optimizer).__name__} cannot go on: {error}. Choose another one.",
            field="optimizer",
        ) from error


@contextmanager
def averaged_weights(optimizer: torch.optim.Optimizer) -> Generator[None]:
    """Inside, the parameters are those to use, where an optimiser trains others (schedule-free: Defazio et al. 2024, x and y)."""
    evaluate, train = getattr(optimizer, "eval", None), getattr(optimizer, "train", None)
    if not callable(evaluate) or not callable(train):
        yield
        return
    evaluate()
    try:
        yield
    finally:
        train()


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The state's tensors (of vectors mostly [vectors, width]) by flat name, and everything else as numbers fit for JSON.

    An optimiser whose state is neither gives ``{"lost": why}``: a run cannot go on exactly from there.
    """
    content = optimizer.state_dict()
    tensors: dict[str, torch.Tensor] = {}
    groups = [{key: value for key, value in group.items() if key != "params"} for group in content["param_groups"]]
    try:
        for index, entries in content["state"].items():
            for name, value in entries.items():
                tensors[f"{index}.{name}"] = torch.as_tensor(value).detach().cpu().clone()
        json.dumps(groups)  # infinity among them, which our reader takes
    except (TypeError, ValueError, RuntimeError) as error:
        return {}, {"lost": f"{type(optimizer).__name__} keeps what is neither tensor nor number: {error}"}
    return tensors, {"groups": groups}


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor], numbers: Mapping[str, Any]
) -> None:
    """Give back to an optimiser its tensors, [vectors, width] mostly: the exact inverse of ``optimizer_state``, for
    an optimiser made with the same settings.

    Raises ValueError, KeyError or TypeError for a state of another one, or of other vectors.
    """
    if "lost" in numbers:
        raise ValueError(f"it was not kept, as {numbers['lost']}")
    content = optimizer.state_dict()
    state: dict[int, dict[str, torch.Tensor]] = {}
    for flat, value in tensors.items():
        index, name = flat.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    _check_state(optimizer, state)
    groups: list[dict[str, Any]] = []
    for group, saved in zip(content["param_groups"], numbers["groups"], strict=True):
        values = {key: tuple(value) if key == "betas" else value for key, value in saved.items()}
        groups.append({**group, **values})
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _check_state(optimizer: torch.optim.Optimizer, state: Mapping[int, Mapping[str, torch.Tensor]]) -> None:
    """Compare a state's tensors with the vectors [vectors, width]: torch takes over whatever it is given, and fails
    at the next step."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if type(optimizer) not in _BUILT_IN:
        _check_named_state(state, count=len(parameters))
        return
    names = {"step", "exp_avg", "exp_avg_sq"}
    if isinstance(optimizer, (Prodigy, Direction)):
        names = {"start", "exp_avg", "exp_avg_sq", "s"} if isinstance(optimizer, Prodigy) else {"home"}
    for index, entries in state.items():
        if set(entries) != names or not 0 <= index < len(parameters):
            raise ValueError(f"it holds {', '.join(sorted(entries))} for tensor {index}")
        shapes = {tuple(value.shape) for name, value in entries.items() if name != "step"}
        if shapes != {tuple(parameters[index].shape)}:
            raise ValueError(f"tensor {index} has the shape {sorted(shapes)[0]}")


def _check_named_state(state: Mapping[int, Mapping[str, torch.Tensor]], *, count: int) -> None:
    """Count the tensors, of any [shape]: nothing is known of an optimiser by name but how many tensors it was made
    for."""
    beyond = [index for index in state if not 0 <= index < count]
    if beyond:
        raise ValueError(f"it holds something for tensor {beyond[0]}, and there are {count}")

"""The optimisers, made for the trained vectors alone, and their state as plain tensors and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..settings.optimiser import ClipMode
from ..settings.train_config import TrainConfig
from .direction import Direction
from .prodigy import Prodigy


@dataclass(frozen=True, kw_only=True)
class ParameterGroup:
    """Tensors that learn at ``rate_weight`` times the learning rate."""

    parameters: Sequence[torch.nn.Parameter]
    rate_weight: float = 1.0


def make_optimizer(config: TrainConfig, groups: Sequence[ParameterGroup]) -> torch.optim.Optimizer:
    """AdamW as A1111 makes it (weight decay 0 unless asked), Prodigy, or Direction. The rate is set before every step."""
    betas = (config.beta1, config.beta2)
    parameters: list[dict[str, Any]] = [
        {"params": list(group.parameters), "rate_weight": group.rate_weight} for group in groups
    ]
    if config.optimizer == "prodigy":
        return Prodigy(parameters, betas=betas, weight_decay=config.weight_decay)
    if config.optimizer == "direction":
        return Direction(parameters, prior=config.direction_prior)
    return torch.optim.AdamW(parameters, lr=1.0, betas=betas, weight_decay=config.weight_decay)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next step; a group keeps its own share of it. (DreamArtist lost it at the first change of rate.)"""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_weight"]


def clip_gradients(parameters: Sequence[torch.nn.Parameter], mode: ClipMode, limit: float) -> None:
    """By value or by norm over all vectors, on true (unscaled) gradients; A1111 clips scaled ones by mistake."""
    if mode == "disabled" or all(parameter.grad is None for parameter in parameters):
        return  # torch fails where no prompt of the step held the embedding
    if mode == "value":
        torch.nn.utils.clip_grad_value_(parameters, limit)
    else:
        torch.nn.utils.clip_grad_norm_(parameters, limit)


def gradient_norm(parameters: Sequence[torch.nn.Parameter]) -> float:
    """The norm of all gradients together."""
    squares = [parameter.grad.float().pow(2).sum() for parameter in parameters if parameter.grad is not None]
    return float(torch.stack([square.cpu() for square in squares]).sum().sqrt()) if squares else 0.0


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors by flat name, and everything else as numbers fit for JSON."""
    content = optimizer.state_dict()
    tensors: dict[str, torch.Tensor] = {}
    for index, entries in content["state"].items():
        for name, value in entries.items():
            tensors[f"{index}.{name}"] = torch.as_tensor(value).detach().cpu().clone()
    groups = [{key: value for key, value in group.items() if key != "params"} for group in content["param_groups"]]
    return tensors, {"groups": groups}


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor], numbers: Mapping[str, Any]
) -> None:
    """The exact inverse of ``optimizer_state`` for an optimiser made with the same settings.

    Raises ValueError, KeyError or TypeError for a state of another one, or of other vectors.
    """
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
    """torch takes over whatever it is given, and fails at the next step."""
    names = {"step", "exp_avg", "exp_avg_sq"}
    if isinstance(optimizer, (Prodigy, Direction)):
        names = {"start", "exp_avg", "exp_avg_sq", "s"} if isinstance(optimizer, Prodigy) else {"home"}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for index, entries in state.items():
        if set(entries) != names or not 0 <= index < len(parameters):
            raise ValueError(f"it holds {', '.join(sorted(entries))} for tensor {index}")
        shapes = {tuple(value.shape) for name, value in entries.items() if name != "step"}
        if shapes != {tuple(parameters[index].shape)}:
            raise ValueError(f"tensor {index} has the shape {sorted(shapes)[0]}")

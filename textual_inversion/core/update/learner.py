"""The trained vectors and everything that moves them: optimiser, clipping, norm rule, average, loss scale."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from ..base.errors import InputError
from ..embedding.pair import is_negative
from ..loss.gradients import Gradients, StepResult
from ..loss.prompts import TrainingPrompt
from ..settings.train_config import TrainConfig
from .ema import VectorAverage
from .loss_scaling import LossScaler
from .norm_rules import apply_norm_rule
from .optimizers import (
    ParameterGroup,
    averaged_weights,
    clip_gradients,
    gradient_norm,
    make_optimizer,
    optimizer_state,
    restore_optimizer,
    set_rate,
    step_with,
)
from .snapshots import Snapshot, snapshot_of
from .state import RunState

_UNNAMED_STEPS = 20


@dataclass(frozen=True, kw_only=True)
class Advance:
    """Result of one optimiser step. ``gradient_norm`` is the true (unscaled) one before clipping."""

    loss: float
    gradient_norm: float
    prompt: TrainingPrompt


class Learner:
    """Owns the vectors (float32 parameters on the device, one tensor an encoder) and moves them a step at a time."""

    def __init__(
        self,
        config: TrainConfig,
        vectors: Mapping[str, torch.Tensor],
        *,
        device: torch.device,
        table_norms: Mapping[str, float],
        loss_scaling: bool,
    ) -> None:
        """Begin with ``vectors``, [vectors, width] by key; ``table_norms`` are the mean lengths of each encoder's
        own ones."""
        self._config = config
        self._table_norms = dict(table_norms)
        self.vectors = {
            key: torch.nn.Parameter(rows.detach().to(device, torch.float32).clone()) for key, rows in vectors.items()
        }
        self._parameters = list(self.vectors.values())
        self._halves = _halves(self.vectors, negative_weight=config.negative_lr_weight)
        self._optimizer = make_optimizer(config, self._halves)
        decays = _decays(self.vectors, config)
        self._average = VectorAverage(self.vectors, decays=decays) if any(decays.values()) else None
        self._scaler = LossScaler(enabled=loss_scaling)
        self._seen_gradient = False
        self._unnamed = 0

    @property
    def shown(self) -> dict[str, torch.Tensor]:
        """The vectors [vectors, width] to evaluate, preview and save: the average where there is one."""
        if self._average is not None:
            return {key: rows.detach().clone() for key, rows in self._average.average.items()}
        with averaged_weights(self._optimizer):
            return {key: rows.detach().clone() for key, rows in self.vectors.items()}

    def relative_norms(self) -> list[float]:
        """The length of every row, in units of the mean length of its encoder's own token vectors."""
        return [
            length / self._table_norms[key]
            for key, rows in self.vectors.items()
            for length in rows.detach().norm(dim=1).tolist()
        ]

    def advance(
        self, gradients: Gradients, step: int, *, rate: float, clip_limit: float, stop_wanted: Callable[[], bool]
    ) -> Advance | None:
        """Do optimiser step ``step`` (from 0). None when it was stopped midway: nothing has changed then."""
        result = self._backward(gradients, step, stop_wanted=stop_wanted)
        if not result.complete:
            return None
        norm = gradient_norm(self._parameters)
        self._check_first_gradient(result, norm)
        for half in self._halves:
            clip_gradients(half.parameters, self._config.clip_gradient, clip_limit)
        set_rate(self._optimizer, rate)
        step_with(self._optimizer)
        limits = {key: self._config.norm_limit * mean for key, mean in self._table_norms.items()}
        apply_norm_rule(self._config.norm_rule, self.vectors, limits=limits)
        if self._average is not None:
            self._average.update(self.vectors)
        return Advance(loss=result.loss, gradient_norm=norm, prompt=result.prompt)

    def _backward(self, gradients: Gradients, step: int, *, stop_wanted: Callable[[], bool]) -> StepResult:
        """Leave true gradients in the parameters, trying smaller loss scales as long as one could be the reason."""
        before = self._scaler.scale
        while True:
            self._optimizer.zero_grad(set_to_none=True)
            result = gradients.run(self.vectors, step, scale=self._scaler.scale, stop_wanted=stop_wanted)
            if not result.complete or not math.isfinite(result.loss) or self._scaler.unscale(self._parameters):
                return result
            if self._scaler.exhausted:
                self._scaler.scale = before
                return result

    def snapshot(self, step: int, *, smooth_loss: float | None = None) -> Snapshot:
        """Copy everything that a step changes, after ``step`` of them; ``smooth_loss`` is kept with it."""
        average = None if self._average is None else (self._average.average, self._average.updates)
        return snapshot_of(step, self.vectors, self._optimizer, average, smooth_loss=smooth_loss)

    def restore(self, snapshot: Snapshot) -> None:
        """Back to a snapshot, which stays as it is: the optimiser would go on in the very tensors it is given."""
        self._set_vectors(snapshot.vectors)
        self._optimizer.load_state_dict(copy.deepcopy(snapshot.optimizer))
        if self._average is not None and snapshot.average is not None:
            self._set_average(*snapshot.average)

    def fill_state(self, state: RunState) -> None:
        """Write all that is needed to go on exactly into ``state``."""
        state.vectors = {key: rows.detach().clone() for key, rows in self.vectors.items()}
        state.optimizer_tensors, state.optimizer_numbers = optimizer_state(self._optimizer)
        state.loss_scale, state.loss_scale_good_steps = self._scaler.scale, self._scaler.good_steps
        if self._average is not None:
            state.average = {key: rows.clone() for key, rows in self._average.average.items()}
            state.average_updates = self._average.updates
        else:
            state.average, state.average_updates = {}, 0

    def load_state(self, state: RunState) -> None:
        """The inverse of ``fill_state``. Raises InputError for the state of another optimiser."""
        self._set_vectors(state.vectors)
        try:
            restore_optimizer(self._optimizer, state.optimizer_tensors, state.optimizer_numbers)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(
                f"The resume state is not one of the optimiser {self._config.optimizer} ({error}). Set the optimiser back to what "
                "the run began with, or continue from one of its saved copies.",
                field="optimizer",
            ) from error
        self._scaler.good_steps = state.loss_scale_good_steps
        if self._scaler.enabled:
            self._scaler.scale = state.loss_scale
        if self._average is not None and state.average:
            self._set_average(state.average, state.average_updates)

    @torch.no_grad()
    def _set_vectors(self, values: Mapping[str, torch.Tensor]) -> None:
        """Put values [vectors, width] into the parameters."""
        for key, parameter in self.vectors.items():
            parameter.copy_(values[key])

    def _set_average(self, values: Mapping[str, torch.Tensor], updates: int) -> None:
        """Go on with an average [vectors, width] of so many updates."""
        if self._average is not None:
            self._average.updates = updates
            self._average.average = {key: rows.to(self.vectors[key].device).clone() for key, rows in values.items()}

    def _check_first_gradient(self, result: StepResult, norm: float) -> None:
        """Training that cannot move the vectors is told at once, and not after hours."""
        if self._seen_gradient:
            return
        self._seen_gradient = norm != 0.0
        if result.named and norm == 0.0:
            raise InputError(
                f"The first step gave the vectors no gradient at all (prompt: {result.prompt.text!r}). Are the loss weights zero "
                "everywhere?",
                field="alpha_weight",
            )
        self._unnamed += not result.named
        if self._unnamed >= _UNNAMED_STEPS:
            raise InputError(
                f"The first {_UNNAMED_STEPS} prompts did not hold the embedding (the last one: {result.prompt.text!r}), so nothing "
                "was learned. Put [name] into the template, or the name into the captions.",
                field="template",
            )


def _halves(vectors: Mapping[str, torch.nn.Parameter], *, negative_weight: float) -> list[ParameterGroup]:
    """The vectors [vectors, width] that are clipped together: all of them, or each half of a pair for itself."""
    positive = [rows for key, rows in vectors.items() if not is_negative(key)]
    negative = [rows for key, rows in vectors.items() if is_negative(key)]
    groups = [ParameterGroup(parameters=positive)]
    return [*groups, ParameterGroup(parameters=negative, rate_weight=negative_weight)] if negative else groups


def _decays(vectors: Mapping[str, torch.Tensor], config: TrainConfig) -> dict[str, float]:
    """The average's decay for each of the vectors [vectors, width]."""
    negative = config.ema if config.negative_ema is None else config.negative_ema
    return {key: negative if is_negative(key) else config.ema for key in vectors}

"""Prodigy: Adam that finds its learning rate by itself.

K. Mishchenko and A. Defazio, "Prodigy: An Expeditiously Adaptive Parameter-Free Learner", 2023, algorithm 4 (the Adam form),
with the bias correction and the safeguarded warm-up of the authors' own code (konstmish/prodigy), which they advise for
diffusion models. Give it the trained vectors only: rows that never move hold its estimate down (kohya-ss/sd-scripts #980).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch


class Prodigy(torch.optim.Optimizer):
    """One distance estimate ``d`` for all parameters; the effective rate is ``lr * d``. Leave ``lr`` at 1 or schedule it."""

    def __init__(
        self,
        params: Iterable[torch.Tensor] | Iterable[dict[str, Any]],
        *,
        lr: float = 1.0,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        first_distance: float = 1e-6,
    ) -> None:
        """``params`` are the vectors, [vectors, width] each; the other settings are named as the authors name them."""
        defaults: dict[str, Any] = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "d": first_distance,
            "d0": first_distance,
            "numerator": 0.0,
            "updates": 0,
        }
        super().__init__(params, defaults)

    @property
    def distance(self) -> float:
        """The present estimate of the distance to the solution."""
        return float(self.param_groups[0]["d"])

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        shared = self.param_groups[0]
        parameters = [each for group in self.param_groups for each in group["params"] if each.grad is not None]
        # As in the authors' code, a step without any gradient, or at rate 0, is no step at all.
        if shared["lr"] > 0 and any(bool(each.grad.any()) for each in parameters):
            before, rate = shared["d"], self._corrected_rate(shared)
            self._update_distance(shared, parameters, rate)
            for group in self.param_groups:
                size = before * rate * group.get("rate_weight", 1.0)
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        self._move(parameter, shared=shared, size=size)
            shared["updates"] += 1
        return loss

    @staticmethod
    def _corrected_rate(shared: dict[str, Any]) -> float:
        beta1, beta2 = shared["betas"]
        n = shared["updates"] + 1
        return shared["lr"] * (1 - beta2**n) ** 0.5 / (1 - beta1**n)

    def _update_distance(self, shared: dict[str, Any], parameters: Sequence[torch.Tensor], rate: float) -> None:
        """Take the gradients [vectors, width] into the running sums, and raise the distance where they say so."""
        beta1, beta2 = shared["betas"]
        beta3 = beta2**0.5
        d, d0 = shared["d"], shared["d0"]
        numerator = shared["numerator"] * beta3
        denominator = 0.0
        for parameter in parameters:
            if parameter.grad is None:
                continue
            gradient, state = parameter.grad, self._state_of(parameter)
            numerator += (d / d0) * d * rate * float(torch.sum(gradient * (state["start"] - parameter)))
            state["exp_avg"].mul_(beta1).add_(gradient, alpha=d * (1 - beta1))
            state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=d * d * (1 - beta2))
            # The safeguard: d * d instead of d * rate, so that a warm-up does not inflate the estimate.
            state["s"].mul_(beta3).add_(gradient, alpha=(d / d0) * d)
            denominator += float(state["s"].abs().sum())
        shared["numerator"] = numerator
        if denominator > 0:
            shared["d"] = max(d, numerator / denominator)

    def _move(self, parameter: torch.Tensor, *, shared: dict[str, Any], size: float) -> None:
        """Move vectors [vectors, width]. ``size`` is made with the distance before this step, eps with the one after
        it (as the authors have it)."""
        state = self.state[parameter]
        if shared["weight_decay"]:
            parameter.mul_(1 - shared["weight_decay"] * size)
        scale = state["exp_avg_sq"].sqrt().add_(shared["d"] * shared["eps"])
        parameter.addcdiv_(state["exp_avg"], scale, value=-size)

    def _state_of(self, parameter: torch.Tensor) -> dict[str, torch.Tensor]:
        """The running sums of one tensor, each [vectors, width] as it; zeros and its present value at first."""
        state = self.state[parameter]
        if not state:
            state["start"] = parameter.detach().clone()
            for name in ("exp_avg", "exp_avg_sq", "s"):
                state[name] = torch.zeros_like(parameter)
        return state

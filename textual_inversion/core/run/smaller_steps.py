"""Steps that do not fit into memory are made again, in smaller parts and with more computed again; the run goes on."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from ..base.errors import ResourceError
from ..loss.gradients import GradientStep, StepResult
from ..model.host import Lease, Recompute
from ..record.events import Emit, Warned
from ..settings.train_config import TrainConfig
from .faults import is_out_of_memory

_SAID: Mapping[Recompute, str] = {
    "selective": "what is cheap of the U-Net is computed again in each step",
    "full": "all of the U-Net is computed again in each step, which takes about a third longer",
}


class SmallerSteps:
    """Computes gradients as ``steps`` does, from the step on that runs out of memory in halves of halves of its micro-batches.

    Once one picture goes through at a time, more of the U-Net is computed again. What helped stays for the rest of the run. Where nothing is
    left to give up, raises ResourceError.
    """

    def __init__(self, steps: GradientStep, *, lease: Lease, config: TrainConfig, emit: Emit) -> None:
        self.steps = steps
        self._lease, self._config, self._emit = lease, config, emit

    def run(
        self,
        vectors: Mapping[str, torch.Tensor],
        step: int,
        *,
        scale: float = 1.0,
        stop_wanted: Callable[[], bool] = lambda: False,
    ) -> StepResult:
        """As ``GradientStep.run`` for vectors [vectors, width]; an attempt that failed leaves no gradient behind."""
        while True:
            try:
                return self.steps.run(vectors, step, scale=scale, stop_wanted=stop_wanted)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            for rows in vectors.values():  # outside of the handler: the error holds on to what the attempt had made
                rows.grad = None
            self._clean_up()
            self._emit(Warned(message=self._smaller(step)))

    def _smaller(self, step: int) -> str:
        """Give something up; returns the sentence that tells it. Raises ResourceError."""
        pictures = self.steps.batches.batch_size
        at_a_time = -(-pictures // self.steps.parts)
        if at_a_time > 1:
            self.steps = replace(self.steps, parts=min(pictures, 2 * self.steps.parts))
            now = -(-pictures // self.steps.parts)
            return (
                f"Out of memory with {at_a_time} pictures at a time. Step {step + 1} is made again with {now} at a time, whose gradients are "
                "added up, and so are all that follow: the result is the same."
            )
        level = self._lease.recompute_more()
        if level is None:
            raise self._given_up()
        return f"Out of memory with one picture at a time. Step {step + 1} is made again, and from now on {_SAID[level]}: the result is the same."

    def _given_up(self) -> ResourceError:
        config = self._config
        ways = [
            "Train at a smaller width and height",
            *(["choose 'One half after the other'"] if config.apt and not config.halves_in_turn else []),
            "close other programs that use the graphics card",
        ]
        return ResourceError(
            f"Out of memory at {config.width}x{config.height}, with one picture at a time and all of the U-Net computed again. "
            f"{', '.join(ways[:-1])}, or {ways[-1]}. Everything trained so far was kept.",
            field="width",
        )

    def _clean_up(self) -> None:
        gc.collect()
        if self._lease.device.type == "cuda":
            torch.cuda.empty_cache()

"""The training loop: step, measure, save, until the end of the plan."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from ..base.control import Control
from ..base.errors import DivergedError, LeaseError, ModelChangedError
from ..loss.gradients import GradientStep
from ..model.host import Lease
from ..record.events import Outcome, RolledBack, Warned
from ..record.outputs import Outputs
from ..record.recorder import Recorder
from ..update.learner import Advance, Learner
from ..update.snapshots import Snapshots, trouble
from ..update.state import RunState
from .evaluation import Evaluation
from .plan import RunPlan
from .smaller_steps import SmallerSteps
from .stopping import has_settled, settling_window

_RATE_AFTER_ROLLBACK = 0.1
_SMOOTHING = 0.98


@dataclass(kw_only=True)
class Trainer:
    """One run's loop. ``state`` holds what a resumed run goes on from; the learner has been filled from it already.

    ``evaluation`` is None where nothing is measured.
    """

    plan: RunPlan
    lease: Lease
    learner: Learner
    gradients: GradientStep
    evaluation: Evaluation | None
    recorder: Recorder
    outputs: Outputs
    state: RunState
    control: Control
    _snapshots: Snapshots = field(default_factory=Snapshots, init=False)
    _steps: SmallerSteps = field(init=False)

    def __post_init__(self) -> None:
        self._steps = SmallerSteps(self.gradients, lease=self.lease, config=self.plan.config, emit=self.recorder)

    @property
    def step(self) -> int:
        """Optimiser steps done so far."""
        return self.state.step

    def loop(self) -> Outcome:
        """Train until the plan's end, a wish to stop, or a settled loss. Raises DivergedError after a second failure."""
        self._keep_snapshot()
        if not self.state.evaluations:
            self._measure()
        while self.step < self.plan.end_step:
            if self.control.stop_wanted:
                break
            self._check_model()
            advance = self._advance()
            if advance is None:
                continue
            self._after_step(advance)
            if self._settled():
                self.outputs.save_state()
                return "stopped"
        self.outputs.save_state()
        if self.control.interrupted.is_set():
            return "interrupted"
        return "paused" if self.step < self.plan.end_step and self.control.paused.is_set() else "done"

    def result(self) -> tuple[dict[str, torch.Tensor], int]:
        """The vectors [vectors, width] to publish and the step they are from: the best one where that was chosen."""
        state = self.state
        if self.plan.config.keep_best and state.best_step is not None:
            return state.best_vectors, state.best_step
        return self.learner.shown, self.step

    def _check_model(self) -> None:
        try:
            self.lease.check()
        except LeaseError as error:
            raise ModelChangedError(error.message) from error

    def _advance(self) -> Advance | None:
        """One good step; None when it was stopped midway, or went bad and was taken back."""
        done = self.step
        advance = self.learner.advance(
            self._steps,
            done,
            rate=self.plan.learning_rate.rate_at(done) * self.state.rate_scale,
            clip_limit=self.plan.clip_limit.rate_at(done),
            stop_wanted=lambda: self.control.stop_wanted,
        )
        if advance is None:
            return None
        problem = trouble(
            loss=advance.loss, gradient_norm=advance.gradient_norm, relative_norms=self.learner.relative_norms()
        )
        if problem is not None:
            self._roll_back(done + 1, problem)
            return None
        self.state.step = done + 1
        return advance

    def _after_step(self, advance: Advance) -> None:
        previous = self.state.smooth_loss
        self.state.smooth_loss = (
            advance.loss if previous is None else _SMOOTHING * previous + (1 - _SMOOTHING) * advance.loss
        )
        if Snapshots.is_due(self.step):
            self._keep_snapshot()
        self.recorder.stepped(advance, norms=self.learner.relative_norms())
        if self.recorder.clock.measures(self.step):
            self._measure()
        self.outputs.save_what_is_due()

    def _measure(self) -> None:
        if self.evaluation is not None:
            self.evaluation.measure(self.learner.shown)

    def _settled(self) -> bool:
        config = self.plan.config
        if not config.auto_stop or not self.state.evaluations or self.state.evaluations[-1][0] != self.step:
            return False
        window = settling_window(steps=self.plan.end_step - self.state.first_step, every=config.evaluate_every)
        return has_settled([loss for _, loss in self.state.evaluations], window=window)

    def _keep_snapshot(self) -> None:
        self._snapshots.keep(self.learner.snapshot(self.step, smooth_loss=self.state.smooth_loss))

    def _roll_back(self, step: int, problem: str) -> None:
        """Go back to the last good state, once; nothing of the steps after it may pass for one that was done."""
        snapshot = self._snapshots.go_back(step)
        self.learner.restore(snapshot)
        self.state.step, self.state.smooth_loss = snapshot.step, snapshot.smooth_loss
        if self.evaluation is not None:
            self.evaluation.go_back(snapshot.step)
        undone = self.outputs.go_back(snapshot.step)
        again = self.state.rolled_back
        if not again:
            self.state.rolled_back = True
            self.state.rate_scale *= _RATE_AFTER_ROLLBACK
        self.recorder(
            RolledBack(
                step=step, to_step=snapshot.step, rate_scale=self.state.rate_scale, reason=problem, undone=undone
            )
        )
        if again:
            raise DivergedError(
                f"At step {step} {problem}, again after going back once with a lower rate. The embedding was kept as it was "
                f"at step {snapshot.step}. Try a learning rate ten times lower, or precision float32."
                f"{self._earlier_copies(snapshot.step)}",
                field="learning_rate",
            )
        self.recorder(
            Warned(
                message=f"At step {step} {problem}. Went back to step {snapshot.step} and goes on with a tenth of the rate."
            )
        )
        self.outputs.save_state()

    def _earlier_copies(self, step: int) -> str:
        """Name the copies that are left to try where the very state that was resumed goes bad."""
        copies = [str(each) for each in self.outputs.run.kept() if each < step]
        if step > self.plan.start_step or not copies:
            return ""
        return f" Or continue from an earlier step; copies were kept of {', '.join(copies[-8:])}."

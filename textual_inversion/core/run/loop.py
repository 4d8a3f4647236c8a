"""The training loop: step, look, save, until the end of the plan."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image

from ..base.control import Control
from ..base.errors import DivergedError, LeaseError, ModelChangedError
from ..loss.context_drift import ContextDrift
from ..loss.fixed_batch import FixedBatch
from ..loss.gradients import GradientStep
from ..model.host import Lease
from ..record.events import Emit, Evaluated, Outcome, RolledBack, Saved, Stepped, Warned
from ..record.loss_table import LossTable
from ..record.pace import Pace
from ..record.previews import Previews
from ..record.run_folder import RunDirectory
from ..record.saving import Saver
from ..record.scalars import Scalars
from ..record.state_file import save_state
from ..update.learner import Advance, Learner
from ..update.snapshots import Snapshots, trouble
from ..update.state import RunState
from .best_steps import BestSteps
from .plan import RunPlan
from .stopping import has_settled, settling_window

_STATE_EVERY_SECONDS = 120.0
_RATE_AFTER_ROLLBACK = 0.1
_SMOOTHING = 0.98


@dataclass(kw_only=True)
class Trainer:
    """One run's loop. ``state`` holds what a resumed run goes on from; the learner has been filled from it already."""

    plan: RunPlan
    lease: Lease
    learner: Learner
    gradients: GradientStep
    fixed_batch: FixedBatch | None
    context: ContextDrift | None
    previews: Previews
    saver: Saver
    run: RunDirectory
    table: LossTable
    scalars: Scalars
    state: RunState
    control: Control
    emit: Emit
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._snapshots = Snapshots()
        self._pace = Pace()
        self._state_written = self.clock()
        self._state_step: int | None = None
        self._previewed_at: int | None = None
        self._table_held = False
        self._best = BestSteps(self.state)

    @property
    def step(self) -> int:
        """Optimiser steps done so far."""
        return self.state.step

    def loop(self) -> Outcome:
        """Train until the plan's end, a wish to stop, or a settled loss. Raises DivergedError after a second failure."""
        self._keep_snapshot()
        if not self.state.evaluations:
            self._evaluate()
        while self.step < self.plan.end_step:
            if self.control.stop_wanted:
                break
            self._check_model()
            advance = self._advance()
            if advance is None:
                continue
            self._after_step(advance)
            if self._settled():
                self.save_state()
                return "stopped"
        self.save_state()
        if self.control.interrupted.is_set():
            return "interrupted"
        return "paused" if self.step < self.plan.end_step and self.control.paused.is_set() else "done"

    def _check_model(self) -> None:
        try:
            self.lease.check()
        except LeaseError as error:
            raise ModelChangedError(error.message) from error

    def save_state(self) -> None:
        """Write the rolling resume state, unless this step's is written already."""
        if self.step == self._state_step:
            return
        self.learner.fill_state(self.state)
        save_state(self.state, self.run.state)
        self._state_step = self.step
        self._state_written = self.clock()
        self.emit(Saved(step=self.step, what="state", path=str(self.run.state)))

    def _advance(self) -> Advance | None:
        """One good step; None when it was stopped midway, or went bad and was taken back."""
        done = self.step
        advance = self.learner.advance(
            self.gradients,
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

    def _roll_back(self, step: int, problem: str) -> None:
        snapshot = self._snapshots.go_back(step)
        self.learner.restore(snapshot)
        self.state.smooth_loss = snapshot.smooth_loss
        undone = self._take_back(snapshot.step)
        again = self.state.rolled_back
        if not again:
            self.state.rolled_back = True
            self.state.rate_scale *= _RATE_AFTER_ROLLBACK
        self.emit(
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
        self.emit(
            Warned(
                message=f"At step {step} {problem}. Went back to step {snapshot.step} and goes on with a tenth of the rate."
            )
        )
        self.save_state()

    def _take_back(self, step: int) -> tuple[str, ...]:
        """Nothing of the steps after ``step`` may pass for one that was done. Where their files lie now."""
        self.state.step = step
        self.state.evaluations = [(at, loss) for at, loss in self.state.evaluations if at <= step]
        self._best.go_back(step)
        self._previewed_at = self._state_step = None
        self.table.cut(step)
        self.scalars.cut(step)
        return tuple(str(path) for path in self.run.set_undone_aside(step))

    def _earlier_copies(self, step: int) -> str:
        """List the copies left to try where the very state that was resumed goes bad."""
        copies = [str(each) for each in self.run.kept() if each < step]
        if step > self.plan.start_step or not copies:
            return ""
        return f" Or continue from an earlier step; copies were kept of {', '.join(copies[-8:])}."

    def _after_step(self, advance: Advance) -> None:
        step, config = self.step, self.plan.config
        previous = self.state.smooth_loss
        self.state.smooth_loss = (
            advance.loss if previous is None else _SMOOTHING * previous + (1 - _SMOOTHING) * advance.loss
        )
        if Snapshots.is_due(step):
            self._keep_snapshot()
        record = self._record(advance)
        self.emit(record)
        last = step >= self.plan.end_step
        evaluated = self._evaluate() if _due(step, config.evaluate_every) or (last and config.evaluate_every) else None
        if _due(step, config.csv_every) or evaluated is not None or last:
            self._write_row(record, evaluated)
        self._write_scalars(record)
        self._save_what_is_due(step)
        if self.clock() - self._state_written >= _STATE_EVERY_SECONDS:
            self.save_state()

    def _record(self, advance: Advance) -> Stepped:
        step, norms = self.step, self.learner.relative_norms()
        return Stepped(
            step=step,
            total_steps=self.plan.end_step,
            epoch=self.gradients.batches.epoch_of(step - 1),
            epoch_step=self.gradients.batches.step_in_epoch(step - 1),
            loss=advance.loss,
            smooth_loss=self.state.smooth_loss or 0.0,
            learn_rate=self.plan.learning_rate.rate_at(step - 1) * self.state.rate_scale,
            gradient_norm=advance.gradient_norm,
            vector_norm=sum(norms) / len(norms),
            seconds=self._pace.tick(),
            eta_seconds=self._pace.left(self.plan.end_step - step),
            prompt=advance.prompt.text,
            negative_prompt=advance.prompt.negative,
        )

    def _evaluate(self) -> Evaluated | None:
        if self.fixed_batch is None:
            return None
        vectors = self.learner.shown
        loss = self.fixed_batch.loss(vectors)
        if not math.isfinite(loss):
            self.emit(Warned(message=f"The fixed-batch loss at step {self.step} is {loss}, so it was left out."))
            return None
        best = self._best.offer(loss, vectors)
        self.state.evaluations.append((self.step, loss))
        evaluated = Evaluated(step=self.step, loss=loss, best=best, gain=self._gain(loss), drift=self._drift(vectors))
        self.emit(evaluated)
        figures = {"fixed_batch_loss": loss, "gain": evaluated.gain, "context_drift": evaluated.drift}
        self.scalars.add(self.step, {name: value for name, value in figures.items() if value is not None})
        return evaluated

    def _gain(self, loss: float) -> float | None:
        """The share of the class word's loss that is gone."""
        if self.context is None or self.fixed_batch is None:
            return None
        if self.state.word_loss is None:
            device = self.lease.device
            word = {key: rows.to(device) for key, rows in self.context.reference.items()}
            self.state.word_loss = self.fixed_batch.loss({**self.learner.shown, **word})
        return 1 - loss / self.state.word_loss if self.state.word_loss > 0 else None

    def _drift(self, vectors: dict[str, torch.Tensor]) -> float | None:
        return None if self.context is None else self.context.measure(vectors)

    def _settled(self) -> bool:
        config = self.plan.config
        if not config.auto_stop or not self.state.evaluations or self.state.evaluations[-1][0] != self.step:
            return False
        window = settling_window(steps=self.plan.end_step - self.state.first_step, every=config.evaluate_every)
        return has_settled([loss for _, loss in self.state.evaluations], window=window)

    def _write_row(self, record: Stepped, evaluated: Evaluated | None) -> None:
        written = self.table.add(
            {
                "step": str(record.step),
                "epoch": str(record.epoch),
                "epoch_step": str(record.epoch_step),
                "loss": f"{record.loss:.7f}",
                "learn_rate": f"{record.learn_rate:.7g}",
                "smooth_loss": f"{record.smooth_loss:.7f}",
                "fixed_batch_loss": _figure(evaluated and evaluated.loss),
                "gradient_norm": f"{record.gradient_norm:.7g}",
                "vector_norm": f"{record.vector_norm:.7g}",
                "gain": _figure(evaluated and evaluated.gain),
                "context_drift": _figure(evaluated and evaluated.drift),
            }
        )
        if not written and not self._table_held:
            self._table_held = True
            self.emit(
                Warned(
                    message=f"{self.table.path} cannot be written just now. Is it open in another program? The rows are kept "
                    "and follow when it is closed."
                )
            )

    def _write_scalars(self, record: Stepped) -> None:
        self.scalars.add(
            record.step,
            {
                "loss": record.loss,
                "smooth_loss": record.smooth_loss,
                "learn_rate": record.learn_rate,
                "gradient_norm": record.gradient_norm,
                "vector_norm": record.vector_norm,
            },
        )

    def _save_what_is_due(self, step: int) -> None:
        config = self.plan.config
        copy_wanted = self.control.take_save() or _due(step, config.save_every)
        preview_wanted = self.control.take_preview() or _due(step, config.image_every)
        if copy_wanted:
            self.saver.copy(self.learner.shown, step=step, best_step=self.state.best_step)
        if copy_wanted or preview_wanted:
            self.save_state()  # before the preview, whose sampler is the likeliest to take the process down
        if preview_wanted:
            self.preview(step)

    def preview(self, step: int) -> None:
        """Make the previews of this step, and the picture that carries its vectors; once a step."""
        if step == self._previewed_at:
            return
        self._previewed_at = step
        vectors = self.learner.shown
        picture: Image.Image | None = self.previews.make(step, vectors)
        if self.plan.config.png_embedding:
            self.saver.carrier(vectors, step=step, picture=picture)

    def _keep_snapshot(self) -> None:
        self._snapshots.keep(self.learner.snapshot(self.step, smooth_loss=self.state.smooth_loss))

    def result(self) -> tuple[dict[str, torch.Tensor], int]:
        """The vectors to publish and the step they are from: the best one where that was chosen."""
        state = self.state
        if self.plan.config.keep_best and state.best_step is not None:
            return state.best_vectors, state.best_step
        return self.learner.shown, self.step


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.7f}"

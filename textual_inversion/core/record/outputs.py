"""The files of a run that goes on: the state to resume from, copies and previews, each when it is due or asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..base.control import Control
from ..base.errors import ResourceError
from ..update.learner import Learner
from ..update.state import RunState
from .clock import TrainingClock
from .events import Emit, Saved, Warned
from .previews import Previews
from .run_folder import RunDirectory
from .saving import Saver
from .state_file import save_state

_STATE_EVERY_SECONDS = 120.0


@dataclass(kw_only=True)
class Outputs:
    """Saves what a run makes between its steps, and announces it. All that is written raises ResourceError."""

    run: RunDirectory
    learner: Learner
    state: RunState
    saver: Saver
    previews: Previews
    clock: TrainingClock
    control: Control
    emit: Emit
    now: Callable[[], float] = time.monotonic
    _state_step: int | None = field(default=None, init=False)
    _state_written: float = field(init=False)
    _previewed_at: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._state_written = self.now()

    def save_what_is_due(self) -> None:
        """After a step: copies and previews by the clock or by a person's wish, the state with them and every two minutes."""
        self.run.check()  # what is written makes folders that are missing, and would hide that the rest is gone
        step = self.state.step
        copy_wanted = self.control.take_save() or self.clock.copies(step)
        preview_wanted = self.control.take_preview() or self.clock.previews(step)
        if copy_wanted:
            self.saver.copy(self.learner.shown, step=step, best_step=self.state.best_step)
        if copy_wanted or preview_wanted:
            self.save_state()  # before the preview, whose sampler is the likeliest to take the process down
        if preview_wanted:
            self.preview()
        if self.now() - self._state_written >= _STATE_EVERY_SECONDS:
            self.save_state()

    def save_state(self) -> None:
        """Write the rolling resume state, unless this step's is written already."""
        step = self.state.step
        if step == self._state_step:
            return
        self.learner.fill_state(self.state)
        save_state(self.state, self.run.state)
        self._state_step = step
        self._state_written = self.now()
        self.emit(Saved(step=step, what="state", path=str(self.run.state)))

    def forget_state(self) -> None:
        """Have the state written again although this step's was."""
        self._state_step = None

    def preview(self) -> None:
        """Make the previews of this step, and the picture that carries its vectors; once a step."""
        step = self.state.step
        if step == self._previewed_at:
            return
        self._previewed_at = step
        vectors = self.learner.shown
        picture = self.previews.make(step, vectors)
        if self.previews.config.png_embedding:
            try:
                self.saver.carrier(vectors, step=step, picture=picture)
            except (
                ResourceError
            ) as error:  # a picture is no reason to end a run; where the disk is full, the state will say so
                self.emit(
                    Warned(message=f"The picture with the embedding of step {step} could not be saved. {error.message}")
                )

    def make_up(self) -> None:
        """Make the previews that were due at this step, where a process that was killed while it made them left some out."""
        step = self.state.step
        wanted = [self.run.image(step, index) for index in range(len(self.previews.prompts))]
        if self.previews.config.png_embedding:
            wanted.append(self.run.carrier(step))
        if step and self.clock.previews(step) and not all(path.exists() for path in wanted):
            self.preview()

    def go_back(self, step: int) -> tuple[str, ...]:
        """Set the files of the steps after ``step`` aside; where they lie now."""
        self._previewed_at = self._state_step = None
        return tuple(str(path) for path in self.run.set_undone_aside(step))

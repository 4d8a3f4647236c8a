"""One training run from its settings to its files: what the tab, HTTP and the command line all call."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from ..base.control import Control
from ..base.errors import InterruptedRunError, ModelChangedError, UserError
from ..base.files import write_json
from ..embedding.embedding import Embedding
from ..embedding.pair import negative_path
from ..estimates.needs import free_memory, reconstruction_refused
from ..estimates.time import PaceRecord
from ..model.host import Host, Lease, LeaseRequest
from ..record.card import write_card
from ..record.events import Emit, Event, Finished, Outcome, Prepared, Previewed, Saved, Warned
from ..settings.train_config import TrainConfig
from .assembly import assemble
from .checks import Job, prepare
from .faults import as_user_error
from .loop import Trainer


def train(
    config: TrainConfig,
    host: Host,
    *,
    control: Control,
    emit: Emit,
    resume: Path | None = None,
    from_step: int | None = None,
) -> Finished:
    """Train, and return the last event, which was emitted too.

    ``resume`` is the folder of an earlier run to go on with exactly; ``from_step`` one of its saved copies to continue from.
    Mistakes in the settings raise InputError before anything was touched; whatever happens later ends in ``Finished``,
    with the vectors saved if they moved at all.
    """
    job = prepare(config, host, resume=resume, from_step=from_step)
    watch = _Watch(emit, job)
    for sentence in job.warnings:
        watch(Warned(message=sentence))
    try:
        with host.lease(_request(job)) as lease:
            finished = _train_leased(job, host, lease, control=control, watch=watch)
    except Exception as error:  # the end of a run is always told, whatever ended it
        finished = watch.failure(error, config)
    emit(finished)
    return finished


class _Watch:
    """Passes events on and remembers what the last one must tell."""

    def __init__(self, emit: Emit, job: Job) -> None:
        self._emit = emit
        self.files: list[str] = []
        self.run_dir = str(job.run.root) if job.run is not None else ""
        self.embedding = ""
        self.step = job.start_step
        self.best_step: int | None = None
        self.pace = PaceRecord()

    def __call__(self, event: Event) -> None:
        if isinstance(event, (Saved, Previewed)) and event.path not in self.files:
            self.files.append(event.path)
        if isinstance(event, Saved) and event.what == "final":
            self.embedding = event.path
        self.pace.note(event)
        self._emit(event)

    def _model_changed(self, error: ModelChangedError) -> Finished:
        """Somebody chose another checkpoint, and nothing went wrong: an end like an interrupt."""
        message = f"Stopped and saved at {self.step} steps. {error.message}"
        return replace(self.finished("interrupted", message, exit_code=error.exit_code), cause="checkpoint")

    def finished(self, outcome: Outcome, message: str, *, exit_code: int) -> Finished:
        return Finished(
            outcome=outcome,
            message=message,
            step=self.step,
            best_step=self.best_step,
            embedding=self.embedding,
            run_dir=self.run_dir,
            files=tuple(path for path in self.files if Path(path).exists()),
            exit_code=exit_code,
        )

    def failure(self, error: Exception, config: TrainConfig) -> Finished:
        known = as_user_error(error, config)
        if isinstance(known, ModelChangedError):
            return self._model_changed(known)
        if known is not None:
            stopped = isinstance(known, InterruptedRunError)
            return self.finished("interrupted" if stopped else "failed", known.message, exit_code=known.exit_code)
        traceback.print_exception(error)
        message = f"The run ended by a fault of this program: {type(error).__name__}: {error}. The console shows where."
        return self.finished("failed", message, exit_code=1)


def _request(job: Job) -> LeaseRequest:
    config = job.config
    return LeaseRequest(
        clip_skip=config.clip_skip,
        vae=config.vae,
        loras=job.loras,
        precision=config.precision,
        recompute=config.recompute,
    )


def _train_leased(job: Job, host: Host, lease: Lease, *, control: Control, watch: _Watch) -> Finished:
    job.check_checkpoint(lease)
    job = _fitting(job, host, watch)
    trainer = assemble(job, lease, control=control, emit=watch)
    plan, run = trainer.plan, trainer.outputs.run
    watch.run_dir, watch.step = str(run.root), trainer.step
    watch(
        Prepared(
            name=job.config.name,
            run_dir=str(run.root),
            start_step=plan.start_step,
            total_steps=plan.end_step,
            pictures=len(job.dataset.items),
            vectors=plan.vectors,
            checkpoint=plan.checkpoint_name,
            device=plan.device,
            negative_vectors=plan.negative_vectors,
        )
    )
    trainer.outputs.save_state()
    write_json(run.plan, plan.to_mapping())  # after the state: a folder that looks like a run can be resumed
    watch.files += [str(run.plan), str(run.loss_table)]
    try:
        if job.run is not None:
            trainer.outputs.make_up()
        outcome = trainer.loop()
        _note_pace(watch, run.root)
        if outcome in ("done", "stopped") and job.config.image_every:
            trainer.outputs.preview()
    except Exception:
        _rescue(trainer, host, watch, began_at=job.start_step)
        raise
    finally:
        trainer.recorder.close()
        watch.step, watch.best_step = trainer.step, trainer.state.best_step
    _publish(trainer, host, watch)
    return watch.finished(outcome, _sentence(outcome, trainer, watch), exit_code=130 if outcome == "interrupted" else 0)


def _note_pace(watch: _Watch, run: Path) -> None:
    """Leave what the steps cost for later estimates, which are not worth the end of a run."""
    try:
        watch.pace.write(run)
    except (UserError, OSError) as error:
        watch(Warned(message=f"How long the steps took was not noted for later estimates: {error}"))


def _fitting(job: Job, host: Host, watch: _Watch) -> Job:
    """Without the reconstruction loss where the card has too little memory for it, which is told."""
    shape = host.model_shape()
    sizes = list(dict.fromkeys(item.size for item in job.dataset.items))
    free = None if shape is None else free_memory(shape.device)
    sentence = reconstruction_refused(job.config, sizes, shape, free=free)
    if sentence is None:
        return job
    watch(Warned(message=sentence))
    return replace(job, config=job.config.replace(reconstruction=0.0))


def _publish(trainer: Trainer, host: Host, watch: _Watch) -> None:
    vectors, step = trainer.result()
    path = trainer.outputs.saver.final(vectors, step=step, embeddings_dir=host.embeddings_dir)
    _announce(trainer, path, trainer.outputs.saver.embedding(vectors, step=step), host, watch)
    if (partner := trainer.outputs.saver.partner(vectors, step=step)) is not None:
        _announce(trainer, negative_path(path), partner, host, watch)


def _announce(trainer: Trainer, path: Path, embedding: Embedding, host: Host, watch: _Watch) -> None:
    """Make the card, and tell the host."""
    card = write_card(trainer.outputs.run, path, embedding)
    for written in card.files:
        watch(Saved(step=embedding.step or 0, what="card", path=str(written)))
    for sentence in card.warnings:
        watch(Warned(message=sentence))
    try:
        host.publish(path)
    except Exception as error:  # the file is safe: what the host makes of it must not turn the run into a failure
        watch(
            Warned(
                message=f"The embedding was saved, but {host.name} could not take it up by itself ({error}). Refresh its list "
                "of embeddings."
            )
        )


def _rescue(trainer: Trainer, host: Host, watch: _Watch, *, began_at: int) -> None:
    """Keep what was learned although the run failed: the state, and the embedding, each if it still can be written."""
    if trainer.step <= began_at:
        return
    for write in (lambda: _keep_state(trainer), lambda: _publish(trainer, host, watch)):
        try:
            if _all_finite(trainer.learner.shown):
                write()
        except Exception as error:  # whatever fails now (a lost GPU, the same disk): the first error is the one to tell
            watch(Warned(message=f"Not everything could be saved: {error}"))


def _keep_state(trainer: Trainer) -> None:
    """Write the state, and whatever else of the folder a run needs to be gone on with, should somebody have deleted it."""
    run = trainer.outputs.run
    if not run.state.exists():
        trainer.outputs.forget_state()
    trainer.outputs.save_state()
    if not run.plan.exists():
        write_json(run.plan, trainer.plan.to_mapping())


def _all_finite(vectors: Mapping[str, torch.Tensor]) -> bool:
    """True where every value of the vectors [vectors, width] is a number."""
    return all(bool(rows.isfinite().all()) for rows in vectors.values())


def _sentence(outcome: Outcome, trainer: Trainer, watch: _Watch) -> str:
    step, best = trainer.step, trainer.state.best_step
    saved = f"Embedding saved to {watch.embedding}."
    if trainer.plan.config.keep_best and best is not None and best != step:
        saved = f"The best step, {best}, was saved to {watch.embedding}."
    if outcome == "paused":
        return f"Paused at {step} steps; resume goes on exactly from here. {saved}"
    if outcome == "interrupted":
        return f"Interrupted at {step} steps; everything was saved. {saved}"
    if outcome == "stopped":
        return f"Stopped by itself at {step} steps: the fixed-batch loss no longer changes. {saved}"
    early = trainer.plan.learning_rate.stop_sentence()
    return f"Training finished at {step} steps. {saved}{f' {early}' if early else ''}"

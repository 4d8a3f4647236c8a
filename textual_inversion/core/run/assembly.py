"""Puts a run's parts together: a job and a lease in, a trainer out."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ..base.control import Control
from ..base.errors import InterruptedRunError
from ..dataset.items import notes_on_transparency
from ..embedding.pair import encoder_of, positive_half
from ..embeddings_folder.first_vectors import initial_vectors
from ..loss.batches import BatchPlan, held_out
from ..loss.context_drift import ContextDrift
from ..loss.fixed_batch import FixedBatch
from ..loss.gradients import GradientStep
from ..loss.guided_prediction import GuidedPrediction
from ..loss.latents import LatentCache, encode_pictures
from ..loss.objective import Objective
from ..loss.prediction import PlainPrediction, Predictor
from ..loss.prompts import NegativePrompts, TrainingPrompts
from ..loss.reconstruction import PixelCache, Reconstruction
from ..loss.timesteps import TimestepSampler
from ..model.host import Lease
from ..record.clock import TrainingClock
from ..record.events import Emit, Encoding, Warned
from ..record.loss_table import LossTable
from ..record.outputs import Outputs
from ..record.previews import Previews
from ..record.recorder import Recorder
from ..record.run_folder import RunDirectory
from ..record.saving import Saver
from ..record.scalars import Scalars
from ..update.learner import Learner
from ..update.norm_rules import mean_norm
from ..update.state import RunState
from .checks import Job
from .evaluation import Evaluation
from .loop import Trainer
from .plan import RunPlan, resolve

_CLIP_SKIP_IS_FIXED = (
    "Clip skip changes nothing with this checkpoint: SD 2.x and SDXL use a fixed layer of their text encoders, in pictures too. "
    "(For SDXL, AUTOMATIC1111 has a setting 'Clip skip SDXL', which applies it to the first encoder.)"
)


def assemble(job: Job, lease: Lease, *, control: Control, emit: Emit) -> Trainer:
    """Resolve the plan, encode the pictures, make the run's folder. Raises InputError where settings and model disagree."""
    vectors = job.vectors(lease)
    if job.config.clip_skip not in (None, 1) and lease.family != "sd1":
        emit(Warned(message=_CLIP_SKIP_IS_FIXED))
    norms = {key: mean_norm(encoder.table()) for key, encoder in lease.encoders.items()}
    plan = resolve(job, lease, table_norms=norms)
    learner = Learner(
        job.config,
        vectors,
        device=lease.device,
        table_norms={key: norms[encoder_of(key)] for key in vectors},
        loss_scaling=lease.needs_loss_scaling,
    )
    state = _state(job, learner)
    context = _context(job, lease, vectors)
    state.reference = {} if context is None else dict(context.reference)
    pixels = PixelCache(job.config) if job.config.apt and job.config.reconstruction else None
    latents = _encode(job, lease, pixels, control=control, emit=emit)
    gradients = _gradients(job, lease, latents, pixels, context, emit=emit)
    run = job.directory()
    recorder = _recorder(job, plan, gradients.batches, run=run, state=state, emit=emit)
    return Trainer(
        plan=plan,
        lease=lease,
        learner=learner,
        gradients=gradients,
        evaluation=_evaluation(job, gradients, context, state=state, emit=recorder),
        recorder=recorder,
        outputs=Outputs(
            run=run,
            learner=learner,
            state=state,
            saver=_saver(job, lease, run=run, emit=recorder),
            previews=Previews(
                config=job.config,
                prompts=plan.preview_prompts,
                lease=lease,
                run=run,
                emit=recorder,
                stop_wanted=lambda: control.stop_wanted,
                guidance=job.guidance,
            ),
            clock=recorder.clock,
            control=control,
            emit=recorder,
        ),
        state=state,
        control=control,
    )


def _state(job: Job, learner: Learner) -> RunState:
    """The state that a resumed run goes on from, of which the learner takes its part; an empty one for a new run."""
    if job.state is not None:
        learner.load_state(job.state)
        return job.state
    return RunState(
        step=job.start_step, first_step=job.start_step, vectors={}, optimizer_tensors={}, optimizer_numbers={}
    )


def _recorder(
    job: Job, plan: RunPlan, batches: BatchPlan, *, run: RunDirectory, state: RunState, emit: Emit
) -> Recorder:
    resumed_at = job.start_step if job.state is not None else None
    return Recorder(
        emit=emit,
        state=state,
        learning_rate=plan.learning_rate,
        batches=batches,
        clock=TrainingClock(config=job.config, end_step=plan.end_step),
        table=LossTable(run.loss_table, resumed_at=resumed_at),
        curves=Scalars(run.tensorboard if job.config.tensorboard else None, resumed_at=resumed_at),
    )


def _saver(job: Job, lease: Lease, *, run: RunDirectory, emit: Emit) -> Saver:
    return Saver(
        config=job.config,
        run=run,
        checkpoint=lease.checkpoint,
        notes=job.source.notes,
        emit=emit,
        origin=job.origin,
        partner_notes={} if job.partner is None else job.partner.source.notes,
        partner_origin=None if job.partner is None else job.partner.origin,
        loras=job.loras,
    )


def _encode(job: Job, lease: Lease, pixels: PixelCache | None, *, control: Control, emit: Emit) -> LatentCache:
    """Encode the pictures, keep their ``pixels`` where these are wanted, and tell what only decoding could find."""
    total = len(job.dataset.items)

    def progress(done: int) -> None:
        emit(Encoding(done=done, total=total))
        if control.interrupted.is_set():
            raise InterruptedRunError(
                "Interrupted while the pictures were being encoded. Nothing was trained or changed."
            )

    keep = None if pixels is None else pixels.keep
    latents = encode_pictures(lease, job.dataset.items, job.config, progress=progress, keep=keep)
    if any(item.transparent is None for item in job.dataset.items):
        transparent = [item.path.name for item in latents.items if item.transparent]
        for sentence in notes_on_transparency(transparent, job.config):
            emit(Warned(message=sentence))
    return latents


def _gradients(
    job: Job, lease: Lease, latents: LatentCache, pixels: PixelCache | None, context: ContextDrift | None, *, emit: Emit
) -> GradientStep:
    config, schedule = job.config, lease.schedule
    shape = {"batch_size": config.batch_size, "accumulation": config.gradient_accumulation}
    groups = [item.size for item in latents.items]
    batches = BatchPlan(groups=groups, repeats=_repeats(job), seed=config.seed, **shape)
    for sentence in batches.warnings():
        emit(Warned(message=sentence))
    return GradientStep(
        lease=lease,
        settings=config,
        predictor=_predictor(job, lease),
        objective=Objective(schedule=schedule, settings=config),
        batches=batches,
        latents=latents,
        prompts=_prompts(job),
        timesteps=TimestepSampler(settings=config, schedule=schedule, seed=config.seed, **shape),
        seed=config.seed,
        reconstruction=pixels
        and Reconstruction(lease=lease, schedule=schedule, pictures=pixels, weight=config.reconstruction),
        context=context,
    )


def _prompts(job: Job) -> TrainingPrompts:
    config, partner = job.config, job.partner
    return TrainingPrompts(
        name=config.name,
        template=job.template,
        captions=[item.caption for item in job.dataset.items],
        settings=config,
        seed=config.seed,
        negatives=partner and NegativePrompts(template=partner.template, filewords=config.negative_filewords),
    )


def _repeats(job: Job) -> list[int]:
    """Count the appearances of each item in an epoch; those kept for measuring have none."""
    repeats = [item.repeats for item in job.dataset.items]
    for index in _held_out(job):
        repeats[index] = 0
    return repeats


def _held_out(job: Job) -> list[int]:
    """The items of the pictures that are kept for measuring."""
    return held_out([item.path for item in job.dataset.items], job.config.hold_out, seed=job.config.seed)


def _context(job: Job, lease: Lease, vectors: Mapping[str, torch.Tensor]) -> ContextDrift | None:
    """The drift of vectors [vectors, width], measured against the words that the embedding began with; where nobody
    knows them, against what a new run begins with."""
    text, count = job.source.notes.get("init_text", ""), job.source.count
    if job.state is not None and job.state.reference:
        reference = job.state.reference
    elif text.strip():
        reference = initial_vectors(lease.encoders, method="text", text=text, count=count)
    elif job.state is None:
        reference = {key: rows.detach().float().cpu().clone() for key, rows in positive_half(vectors).items()}
    else:
        return None
    return ContextDrift(
        lease=lease, name=job.config.name, reference=reference, size=(job.config.width, job.config.height)
    )


def _predictor(job: Job, lease: Lease) -> Predictor:
    name, guidance = job.config.name, job.guidance
    if guidance is None:
        return PlainPrediction(lease=lease, name=name)
    scales = guidance.scales(len(lease.schedule.alphas_cumprod))
    return GuidedPrediction(lease=lease, name=name, scales=scales, in_turn=job.config.halves_in_turn)


def _evaluation(
    job: Job, gradients: GradientStep, context: ContextDrift | None, *, state: RunState, emit: Emit
) -> Evaluation | None:
    config = job.config
    if not config.evaluate_every:
        return None
    pictures = _held_out(job) or range(len(gradients.latents))
    fixed_batch = FixedBatch(step=gradients, samples=config.evaluate_samples, pictures=pictures)
    return Evaluation(state=state, fixed_batch=fixed_batch, context=context, emit=emit)

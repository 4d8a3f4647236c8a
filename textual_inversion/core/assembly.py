"""Puts a run's parts together: a job and a lease in, a trainer out."""

from __future__ import annotations

from .batches import BatchPlan
from .captions import TagRules
from .control import Control
from .errors import InterruptedRunError
from .events import Emit, Encoding, Warned
from .fixed_batch import FixedBatch
from .host import Lease
from .job import Job
from .latents import LatentCache, encode_pictures
from .learner import Learner
from .loss_table import LossTable
from .norm_rules import mean_norm
from .objective import Objective
from .plan import Material, RunPlan, resolve
from .previews import Previews
from .saving import Saver
from .scalars import Scalars
from .state import RunState
from .step import GradientStep
from .timesteps import TimestepSampler
from .trainer import Trainer
from .training_prompts import TrainingPrompts


def assemble(job: Job, lease: Lease, *, control: Control, emit: Emit) -> Trainer:
    """Resolve the plan, encode the pictures, make the run's folder. Raises InputError where settings and model disagree."""
    vectors = job.vectors(lease)
    norms = {key: mean_norm(encoder.table()) for key, encoder in lease.encoders.items()}
    plan = resolve(
        job.config,
        lease,
        Material(
            start_step=job.start_step,
            vectors=next(iter(vectors.values())).shape[0],
            template=str(job.template.path),
            prompts=job.template.lines,
            pictures=[str(item.path) for item in job.dataset.items],
            table_norms=norms,
            notes=job.source.notes,
        ),
    )
    learner = Learner(
        job.config, vectors, device=lease.device, table_norms=norms, loss_scaling=lease.needs_loss_scaling
    )
    state = job.state
    if state is None:
        state = RunState(step=job.start_step, vectors={}, optimizer_tensors={}, optimizer_numbers={})
    else:
        learner.load_state(state)
    gradients = _gradients(job, lease, _encode(job, lease, control=control, emit=emit), emit=emit)
    run = job.directory()
    resumed_at = job.start_step if job.state is not None else None
    return Trainer(
        plan=plan,
        lease=lease,
        learner=learner,
        gradients=gradients,
        fixed_batch=_fixed_batch(plan, gradients),
        previews=Previews(
            config=job.config,
            prompts=plan.preview_prompts,
            lease=lease,
            run=run,
            emit=emit,
            stop_wanted=lambda: control.stop_wanted,
        ),
        saver=Saver(
            config=job.config,
            run=run,
            checkpoint=lease.checkpoint,
            notes=job.source.notes,
            emit=emit,
            origin=job.origin,
        ),
        run=run,
        table=LossTable(run.loss_table, resumed_at=resumed_at),
        scalars=Scalars(run.tensorboard if job.config.tensorboard else None, resumed_at=resumed_at),
        state=state,
        control=control,
        emit=emit,
    )


def _encode(job: Job, lease: Lease, *, control: Control, emit: Emit) -> LatentCache:
    total = len(job.dataset.items)

    def progress(done: int) -> None:
        emit(Encoding(done=done, total=total))
        if control.interrupted.is_set():
            raise InterruptedRunError(
                "Interrupted while the pictures were being encoded. Nothing was trained or changed."
            )

    return encode_pictures(
        lease,
        job.dataset.items,
        sampling=job.config.latent_sampling,
        seed=job.config.seed,
        progress=progress,
    )


def _gradients(job: Job, lease: Lease, latents: LatentCache, *, emit: Emit) -> GradientStep:
    config = job.config
    batches = BatchPlan(
        groups=job.dataset.groups,
        batch_size=config.batch_size,
        accumulation=config.gradient_accumulation,
        seed=config.seed,
        repeats=job.dataset.repeats,
    )
    for sentence in batches.warnings():
        emit(Warned(message=sentence))
    return GradientStep(
        lease=lease,
        name=config.name,
        objective=Objective(
            schedule=lease.schedule,
            loss=config.loss,
            huber_delta=config.huber_delta,
            min_snr_gamma=config.min_snr_gamma,
        ),
        batches=batches,
        latents=latents,
        prompts=TrainingPrompts(
            name=config.name,
            template=job.template,
            captions=[item.caption for item in job.dataset.items],
            rules=TagRules(
                shuffle_tags=config.shuffle_tags,
                tag_dropout=config.tag_dropout,
                keep_tags=config.keep_tags,
                caption_dropout=config.caption_dropout,
            ),
            seed=config.seed,
        ),
        timesteps=TimestepSampler(
            sampling=config.timesteps,
            seed=config.seed,
            low=config.min_timestep,
            high=config.max_timestep,
            batch_size=config.batch_size,
            accumulation=config.gradient_accumulation,
        ),
        seed=config.seed,
        noise_offset=config.noise_offset,
    )


def _fixed_batch(plan: RunPlan, gradients: GradientStep) -> FixedBatch | None:
    config = plan.config
    if not config.evaluate_every:
        return None
    return FixedBatch(
        step=gradients, samples=config.evaluate_samples, low=config.min_timestep, high=config.max_timestep
    )

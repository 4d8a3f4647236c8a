"""Plan of a run, with nothing left open; written as ``run.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..dataset.templates import NAME, render
from ..model.host import Lease
from ..settings.rate import Schedule
from ..settings.train_config import TrainConfig
from .checks import Job

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """A run, resolved. Steps are absolute: ``start_step`` were done before, training ends at ``end_step``.

    ``negative_vectors`` is 0 unless a pair is trained. ``table_norms`` is the mean length of each encoder's own token vectors; norms are shown and limited in its units.
    """

    config: TrainConfig
    start_step: int
    end_step: int
    learning_rate: Schedule
    clip_limit: Schedule
    table_norms: Mapping[str, float]
    widths: Mapping[str, int]
    vectors: int
    checkpoint_name: str
    checkpoint_path: str | None
    checkpoint_sha256: str | None
    device: str
    prediction_type: str
    template: str
    prompts: Sequence[str]
    preview_prompts: Sequence[str]
    pictures: Sequence[str]
    notes: Mapping[str, str]
    negative_vectors: int
    partner_notes: Mapping[str, str]

    def to_mapping(self) -> dict[str, Any]:
        """The content of ``run.json``: the person's own settings, and what they came to."""
        resolved = asdict(replace(self, notes=dict(self.notes), partner_notes=dict(self.partner_notes)))
        del resolved["config"]
        resolved["learning_rate"] = self.config.learning_rate
        resolved["clip_limit"] = self.config.clip_value
        return {"version": VERSION, "config": self.config.to_mapping(), "resolved": resolved}


def resolve(job: Job, lease: Lease, *, table_norms: Mapping[str, float]) -> RunPlan:
    """Resolve what was checked, with the model that was lent, into a plan.

    ``table_norms`` is the mean length of each encoder's own token vectors, by its key.
    """
    config, partner, prompts = job.config, job.partner, job.template.lines
    return RunPlan(
        config=config,
        start_step=job.start_step,
        end_step=job.learning_rate.end,
        learning_rate=job.learning_rate,
        clip_limit=job.clip_limit,
        table_norms=table_norms,
        widths={key: encoder.width for key, encoder in lease.encoders.items()},
        vectors=job.source.count,
        checkpoint_name=lease.checkpoint.name,
        checkpoint_path=str(lease.checkpoint.path.resolve()) if lease.checkpoint.path else None,
        checkpoint_sha256=lease.checkpoint.sha256,
        device=str(lease.device),
        prediction_type=lease.schedule.prediction_type,
        template=str(job.template.path),
        prompts=prompts,
        preview_prompts=config.preview_prompts or (_preview_prompt(prompts),),
        pictures=[str(item.path) for item in job.dataset.items],
        notes=job.source.notes,
        negative_vectors=0 if partner is None else partner.source.count,
        partner_notes={} if partner is None else partner.source.notes,
    )


def _preview_prompt(prompts: Sequence[str]) -> str:
    """The template's first prompt with the embedding in it, without a caption."""
    named = next((prompt for prompt in prompts if NAME in prompt), NAME)
    return render(named, name=NAME, filewords="")

"""The lines that tell what a run would be trained on, what it would take, and what to look at, before it starts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..core.settings.train_config import TrainConfig
from ..runs.manager import RunManager

if TYPE_CHECKING:
    from ..core.dataset.report import DatasetReport
    from ..core.run.checks import Job


@dataclass(frozen=True)
class Checked:
    """A line about the whole, and sentences about what to look at."""

    summary: str
    notes: tuple[str, ...]


def check_run(config: TrainConfig, manager: RunManager) -> Checked:
    """Quick: no picture is decoded whole, no model is touched. Raises InputError where the run could not start."""
    # With the first check: a web UI that starts need not read all of the formats.
    from ..core.dataset.report import ReportInput, report
    from ..core.dataset.survey import survey
    from ..core.run.checks import prepare
    from .estimates import Costs

    seen = survey(config, whole=True)
    job = prepare(config, manager.host, resume=None, from_step=None, seen=seen)
    found = report(
        ReportInput(
            survey=replace(seen, notes=()),
            template=job.template,
            name=config.name,
            torn=config.shuffle_tags or config.tag_dropout > 0,
            vectors=job.source.count,
            count_tokens=manager.host.count_tokens,
            pair=config.apt,
        )
    )
    costs = Costs.of(config, [item.size for item in seen.items], steps=config.steps - job.start_step, manager=manager)
    findings = [finding.message for finding in found.findings]
    summary = f"{found.summary} {_rounds(job, found, config)} {costs.sentence}"
    return Checked(summary, tuple(dict.fromkeys([*costs.advice, *job.warnings, *findings])))


def _rounds(job: Job, found: DatasetReport, config: TrainConfig) -> str:
    steps = config.steps - job.start_step
    seen = steps * config.batch_size * config.gradient_accumulation
    each = seen / max(1, sum(item.repeats for item in job.dataset.items))
    begins = f", going on from step {job.start_step}" if job.start_step else ""
    told = f"each of them {each:.0f} times" if each >= 1 else f"{seen} of them"
    return f"{steps} steps show {told}{begins}."

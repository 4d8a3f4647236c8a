"""The negative half of a pair, before the model is borrowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..base.errors import InputError
from ..dataset.templates import Template, load_template
from ..embedding.embedding import Embedding
from ..embedding.pair import check_pair_name, negative_half, negative_name
from ..embeddings_folder.find import embedding_file, find_embedding
from ..formats import read_embedding
from ..loss.guidance_scale import Guidance, parse_guidance
from ..model.host import Host
from ..record.pair_copies import kept_negative
from ..settings.train_config import TrainConfig
from ..update.state import RunState
from .beginning import Beginning


@dataclass(frozen=True, kw_only=True)
class Partner:
    """The start of the negative half, and the rule for its prompts.

    ``origin`` is the file in the embeddings folder that has its name now; ``template`` None means the prompt's own.
    """

    source: Embedding
    origin: Path | None
    template: Template | None


def read_guidance(config: TrainConfig) -> Guidance | None:
    """Check the settings of a pair that need neither files nor model, and read its guidance; None where no pair is trained.

    Raises InputError.
    """
    if not config.apt:
        return None
    check_pair_name(config.name)
    return parse_guidance(config.guidance)


def find_partner(config: TrainConfig, host: Host, beginning: Beginning, *, from_step: int | None) -> Partner | None:
    """None where no pair is trained. Raises InputError where there is no negative half to go on with."""
    if not config.apt:
        _check_alone(config, beginning.state)
        return None
    template = None
    if config.negative_template.strip():
        template = load_template(config.negative_template, host.template_dirs, name=negative_name(config.name))
    source = _source(config, host, beginning, from_step=from_step)
    return Partner(
        source=source, origin=embedding_file(host.embeddings_dir, negative_name(config.name)), template=template
    )


def pair_warnings(config: TrainConfig, source: Embedding, partner: Partner | None) -> Sequence[str]:
    """Sentences about a pair whose halves do not go together."""
    if partner is None:
        if source.notes.get("pair") == "positive":
            return [
                f"{config.name!r} is the positive half of a pair and is trained without {negative_name(config.name)!r}, which stays as it "
                "is. Switch APT on to train both."
            ]
        return []
    steps = source.step or 0, partner.source.step or 0
    if steps[0] != steps[1]:
        return [
            f"The halves have had different numbers of steps ({steps[0]} and {steps[1]}); the count goes on from {steps[0]}."
        ]
    return []


def _check_alone(config: TrainConfig, state: RunState | None) -> None:
    if state is not None and negative_half(state.vectors):
        raise InputError(f"This run trained {config.name!r} as a pair. Resume it with APT switched on.", field="apt")


def _source(config: TrainConfig, host: Host, beginning: Beginning, *, from_step: int | None) -> Embedding:
    name, state, run = negative_name(config.name), beginning.state, beginning.run
    if state is not None:
        vectors = negative_half(state.vectors)
        if not vectors:
            raise InputError(f"This run trained {config.name!r} alone. Resume it without APT.", field="apt")
        notes = beginning.recorded.get("partner_notes")
        return Embedding(vectors=vectors, name=name, step=state.step, notes=notes if isinstance(notes, dict) else {})
    if run is not None and from_step is not None:
        return kept_negative(run, from_step, field="from_step")
    try:
        return read_embedding(find_embedding(host.embeddings_dir, name))
    except InputError as error:
        raise InputError(
            f"{config.name!r} has no negative half: there is no embedding {name!r}. Make a pair first, with APT "
            "switched on in Create, or switch APT off here.",
            field="apt",
        ) from error

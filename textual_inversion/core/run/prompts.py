"""The words that a run will train with, looked at before its first step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..base.errors import InputError
from ..base.sentences import listed
from ..dataset.captions import sides_named
from ..dataset.emphasis import brackets_in
from ..dataset.items import DatasetItem, problems_sentence
from ..dataset.prompt_check import ADVICE_ONLY, PromptCheck
from ..dataset.templates import NAME, Template
from ..embedding.mentions import mentions
from ..embedding.pair import negative_name
from ..model.host import Host
from ..settings.train_config import TrainConfig
from .negative_half import Partner


def check_prompts(
    config: TrainConfig, template: Template, partner: Partner | None, items: Sequence[DatasetItem], host: Host
) -> list[str]:
    """Parse every prompt as training will, and return what a person should know about them.

    Raises one InputError with all prompts that could not be read, and where no prompt would hold the embedding.
    """
    check = PromptCheck(
        template=template,
        items=items,
        names=(config.name,),
        torn=config.shuffle_tags or config.tag_dropout > 0,
        others=sorted(host.embedding_names() - {config.name}),
    )
    problems = check.problems()
    if partner is not None and not problems:
        problems = _negative(check, config, partner).problems()
    if problems:
        total = len({item.path for item in items})
        raise InputError(problems_sentence([each.message for each in problems], total=total), field=problems[0].field)
    return [
        *(finding.message for finding in check.findings() if finding.kind not in ADVICE_ONLY),
        *(_mirrored_sides(items) if config.flip and template.uses_captions else []),
        *(_mixed_captions(items) if template.uses_captions else []),
        *_preview_prompts(config),
    ]


def _negative(check: PromptCheck, config: TrainConfig, partner: Partner) -> PromptCheck:
    """The prompts of the negative half. A caption that holds the positive name gets the negative one there."""
    items = check.items if config.negative_filewords else [replace(item, caption="") for item in check.items]
    return replace(
        check,
        template=partner.template or check.template,
        items=items,
        names=(negative_name(config.name), config.name),
        others=(),
    )


def _mirrored_sides(items: Sequence[DatasetItem]) -> list[str]:
    names = [item.path.name for item in items if sides_named(item.caption)]
    if not names:
        return []
    return [
        f"Pictures are mirrored, and captions say left or right, which is wrong of the mirrored ones: {listed(names)}."
    ]


def _mixed_captions(items: Sequence[DatasetItem]) -> list[str]:
    """Pictures whose words come from their names while others have a text file: a typing mistake, more often than not."""
    bare = [item.path.name for item in items if item.caption_file is None]
    if not bare or len(bare) == len(items):
        return []
    return [f"Without a text file, so that the words of their names are trained as captions: {listed(bare)}."]


def _preview_prompts(config: TrainConfig) -> list[str]:
    """Prompts that no preview can be made with. They end no run, so they are told and not refused."""
    told: list[str] = []
    for prompt in (*config.preview_prompts, config.preview_negative_prompt):
        try:
            brackets_in(prompt)
        except InputError as error:
            told.append(f"Previews will fail: {error.message}")
    nameless = [text for text in config.preview_prompts if NAME not in text and not mentions(text, config.name)]
    if nameless and not config.apt:  # a pair's preview has the negative half in any case
        told.append(
            f"Previews that do not show the embedding, since their prompt lacks {NAME}: {listed(map(repr, nameless))}."
        )
    return told

"""Settings of the prompts: what is said about the pictures."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.options import option

CHUNK_TOKENS = 75
"""Tokens of a prompt that a text encoder reads at once; with the start and end tokens around them they are 77."""


@dataclass(frozen=True, kw_only=True)
class PromptSettings:
    """Settings of the prompts: what is said about the pictures."""

    template: str = option(
        "style_filewords.txt",
        "Prompt template",
        group="Prompts",
        help="A file with one prompt a line; [name] is the embedding, [filewords] the picture's caption. "
        "subject.txt for things and people, style.txt for styles; _filewords where the captions are good. Your own .txt files in "
        "textual_inversion_templates are found too.",
    )
    filename_regex: str = option(
        "",
        "Filename word regex",
        group="Prompts",
        advanced=True,
        help="For pictures without a .txt file: only the matches of this expression in the file name are used.",
    )
    filename_join: str = option(
        " ",
        "Filename join string",
        group="Prompts",
        advanced=True,
        help="Put between the matches of the expression above.",
    )
    shuffle_tags: bool = option(
        False,
        "Shuffle tags by ',' when creating prompts.",
        group="Prompts",
        help="A new order of the caption's tags at every step, so that none of them counts more. Helps against overfitting.",
    )
    tag_dropout: float = option(
        0.0,
        "Drop out tags when creating prompts.",
        group="Prompts",
        low=0,
        high=1,
        step=0.1,
        help="Share of the caption's tags left out at every step. 0.1 helps against overfitting; not above 0.3.",
    )
    keep_tags: int = option(
        0,
        "Keep first tags",
        group="Prompts",
        low=0,
        high=CHUNK_TOKENS,
        step=1,
        advanced=True,
        help="This many tags at the front are neither shuffled nor dropped.",
    )
    caption_dropout: float = option(
        0.0,
        "Drop out whole captions",
        group="Prompts",
        low=0,
        high=1,
        step=0.05,
        advanced=True,
        help="Share of the steps in which [filewords] is empty.",
    )
    clip_skip: int | None = option(
        None,
        "Clip skip",
        group="Prompts",
        low=1,
        high=12,
        step=1,
        advanced=True,
        help="Which layer from the end of the text encoder is used. Empty: as the host is set.",
    )

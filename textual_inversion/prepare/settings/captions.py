"""Settings of captions: their source and their form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...core.base.options import option

CaptionModel = Literal["blip", "deepbooru"]
CaptionTo = Literal["txt", "name"]
Existing = Literal["ignore", "keep", "prepend", "append"]


@dataclass(frozen=True, kw_only=True)
class CaptionSettings:
    """Settings of captions: their source and their form."""

    caption: tuple[CaptionModel, ...] = option(
        (),
        "Write captions with",
        group="Captions",
        shown={"blip": "Use BLIP for caption", "deepbooru": "Use deepbooru for caption"},
        help="BLIP writes a sentence, for photos; deepbooru writes tags, for drawings. Both can be had. Look the captions over "
        "afterwards.",
    )
    caption_to: CaptionTo = option(
        "txt",
        "Write captions to",
        group="Captions",
        shown={"txt": "text file", "name": "file name (use caption as filename)"},
        help="txt: a text file beside each picture; name: the file name (as 'Use deepbooru caption as filename' did), which is "
        "cut where it is too long.",
    )
    existing: Existing = option(
        "ignore",
        "Existing Caption txt Action",
        group="Captions",
        help="A caption that lies beside the source: ignore takes the new one, keep stays with the old one, prepend and append put "
        "the old one before or after the new one. Without a new one the old one always goes along.",
    )
    prefix: str = option(
        "", "Caption prefix", group="Captions", help="Put before every caption, for example 'a photo, '."
    )
    suffix: str = option("", "Caption suffix", group="Captions", help="Put after every caption.")
    threshold: float = option(
        0.5,
        "deepbooru: score threshold",
        group="Tags",
        low=0,
        high=1,
        step=0.01,
        help="Tags that the model is less sure of are left out. Guides say 0.75.",
    )
    sort_tags: bool = option(
        True,
        "deepbooru: sort tags alphabetically",
        group="Tags",
        help="Off: the surest first, which guides advise, because the order counts in training.",
    )
    use_spaces: bool = option(
        True, "deepbooru: use spaces in tags", group="Tags", help="Off: underscores, as long_hair."
    )
    escape: bool = option(
        True,
        "deepbooru: escape (\\) brackets",
        group="Tags",
        help="So that they are literal brackets and not emphasis. File names cannot hold the \\.",
    )
    filter_tags: str = option(
        "",
        "deepbooru: filter out those tags",
        group="Tags",
        help="Separate by comma. What should become part of the embedding.",
    )
    max_tags: int = option(
        0, "Maximum number of tags", group="Tags", low=0, high=200, step=1, help="The surest ones stay. 0 takes all."
    )
    tagger_file: str = option(
        "",
        "Tagger file",
        group="Models",
        advanced=True,
        help="A tagger of your own for deepbooru: a DeepDanbooru .pt, or a WD tagger .onnx with selected_tags.csv beside it. "
        "Empty takes the usual one.",
    )
    blip_folder: str = option(
        "",
        "BLIP folder",
        group="Models",
        advanced=True,
        help="A BLIP model in the form of the transformers library, as downloaded from its page. Empty takes the usual one.",
    )
    num_beams: int = option(
        1,
        "BLIP: num_beams",
        group="Models",
        low=1,
        high=16,
        step=1,
        advanced=True,
        help="More search longer for better sentences.",
    )
    min_length: int = option(
        24,
        "BLIP: minimum description length",
        group="Models",
        low=1,
        high=128,
        step=1,
        advanced=True,
        help="In tokens.",
    )
    max_length: int = option(
        48,
        "BLIP: maximum description length",
        group="Models",
        low=1,
        high=256,
        step=1,
        advanced=True,
        help="In tokens.",
    )
    caption_batch: int = option(
        4,
        "Pictures at a time",
        group="Models",
        low=1,
        high=64,
        step=1,
        advanced=True,
        help="That the model looks at together. More is quicker on a GPU and needs more of its memory.",
    )

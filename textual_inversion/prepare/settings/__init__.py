"""Settings of preparing pictures, a file for each group of the form; ``PrepareSettings`` is all of them together."""

from __future__ import annotations

from dataclasses import dataclass

from .captions import CaptionSettings
from .geometry import GeometrySettings
from .sources import SourceSettings


# Dataclasses take the fields of the last base first: read from the end, this is the order of the form.
@dataclass(frozen=True, kw_only=True)
class PrepareSettings(CaptionSettings, GeometrySettings, SourceSettings):
    """From a folder of raw pictures to a training folder. Names and defaults are those of A1111's *Preprocess images*."""


__all__ = ["CaptionSettings", "GeometrySettings", "PrepareSettings", "SourceSettings"]

"""Settings of the source and the destination."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...core.base.options import option

Alpha = Literal["keep", "drop", "white", "black"]


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """Settings of the source and the destination."""

    source: str = option(
        "", "Source directory", group="Folders", help="Folder with your pictures. Nothing in it is ever changed."
    )
    destination: str = option(
        "",
        "Destination directory",
        group="Folders",
        help="Folder for the results, to be trained on. It is made if it is missing; it cannot be the source.",
    )
    recursive: bool = option(
        False, "Include subfolders", group="Folders", help="Also take the pictures in folders below the source."
    )
    overwrite: bool = option(
        False,
        "Overwrite results",
        group="Folders",
        help="Makes results again that are there already. Off: what is there stays, and the report says so.",
    )
    skip_duplicates: bool = option(
        False,
        "Leave out near-duplicates",
        group="Folders",
        advanced=True,
        help="Of pictures that look the same only the first is taken. Off: they are taken, and the report names them.",
    )
    duplicate_distance: int = option(
        6,
        "Near-duplicates differ by at most",
        group="Folders",
        low=0,
        high=20,
        step=1,
        advanced=True,
        help="Bits of 64 in which two pictures' perceptual hashes may differ: 0 only resized copies, 6 also slightly edited ones.",
    )
    min_size: int = option(
        0,
        "Smallest side",
        group="Folders",
        low=0,
        high=4096,
        step=8,
        advanced=True,
        help="Pictures with a side below this many pixels are left out. 0 takes all; small ones are enlarged and named.",
    )
    alpha: Alpha = option(
        "keep",
        "Transparency",
        group="Folders",
        advanced=True,
        help="keep: stays, for 'Use PNG alpha channel as loss weight'; drop: the stored colours are shown; white or black: laid "
        "over that colour.",
    )

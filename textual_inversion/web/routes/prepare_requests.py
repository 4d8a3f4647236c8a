"""Requests about the preparation of pictures over HTTP. Labels are in the form only where a person fills it in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...core.base.options import option
from ...prepare.settings import CaptionSettings

Action = Literal["set", "replace", "add", "remove"]


@dataclass(frozen=True, kw_only=True)
class CaptionFolderRequest(CaptionSettings):
    """Captions for a folder, written beside its pictures."""

    folder: str = option("", "Training folder", group="Folder", help="Folder with the pictures.")
    recursive: bool = option(False, "Include subfolders", group="Folder", help="Also the pictures in folders below.")


@dataclass(frozen=True, kw_only=True)
class EditRequest:
    """Changes captions of a folder as one step that can be undone.

    ``set``: the caption of ``names`` becomes ``text``, if it still is ``before`` where that is given. ``replace``: ``find`` by
    ``text``. ``add``: the tag ``text``, in front where ``first``. ``remove``: the tag ``text``. Without ``names``: in all.
    """

    folder: str = ""
    recursive: bool = False
    action: Action = "set"
    names: tuple[str, ...] = ()
    text: str = ""
    find: str = ""
    first: bool = False
    before: str | None = None


@dataclass(frozen=True, kw_only=True)
class FolderRequest:
    """Something about a folder."""

    folder: str = ""
    recursive: bool = False


@dataclass(frozen=True, kw_only=True)
class PictureRequest(FolderRequest):
    """Something about one picture of a folder."""

    name: str = ""


@dataclass(frozen=True, kw_only=True)
class SpreadRequest(PictureRequest):
    """``png``: what was drawn, in Base64."""

    png: str = ""


@dataclass(frozen=True, kw_only=True)
class MaskRequest(SpreadRequest):
    """An empty ``png`` takes the mask away. ``graded``: it is an attention map, white counts five times."""

    graded: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """A look at a training folder. The labels are those of the Train tab."""

    folder: str = option("", "Dataset directory", group="Check", help="Folder with the pictures to train on.")
    recursive: bool = option(False, "Include subfolders", group="Check", help="Also the pictures in folders below.")
    width: int = option(512, "Width", group="Check", low=64, high=4096, step=8, help="Training width in pixels.")
    height: int = option(512, "Height", group="Check", low=64, high=4096, step=8, help="Training height in pixels.")
    template: str = option(
        "",
        "Prompt template",
        group="Check",
        help="For example subject_filewords.txt; looks at how captions and prompts go together.",
    )
    init_text: str = option(
        "",
        "What is to be learned",
        group="Check",
        help="For example 'cat' or '1girl': captions should not describe it, or the embedding need not learn it.",
    )

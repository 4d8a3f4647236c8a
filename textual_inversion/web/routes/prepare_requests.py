"""Requests of the Prepare tab, with the words that its forms show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...core.base.options import FileData, LongText, option
from ...library.requests import LARGEST_THUMBNAIL
from ...prepare.settings import CaptionSettings

Action = Literal["set", "replace", "add", "remove"]


@dataclass(frozen=True, kw_only=True)
class CaptionFolderRequest(CaptionSettings):
    """Captions for a folder, written beside its pictures."""

    folder: str = option("", "Training folder", group="Folder", help="Folder with the pictures.")
    recursive: bool = option(False, "Include subfolders", group="Folder", help="Also the pictures in folders below.")


@dataclass(frozen=True, kw_only=True)
class FolderRequest:
    """Something about a folder."""

    folder: str = option("", "Training folder", group="Folder", help="Folder with the pictures.")
    recursive: bool = option(False, "Include subfolders", group="Folder", help="Also the pictures in folders below.")


@dataclass(frozen=True, kw_only=True)
class EditRequest(FolderRequest):
    """Changes captions of a folder as one step that can be undone.

    ``set``: the caption of ``names`` becomes ``text``, if it still is ``before`` where that is given. ``replace``: ``find`` by
    ``text``. ``add``: the tag ``text``, in front where ``first``. ``remove``: the tag ``text``. Without ``names``: in all.
    """

    action: Action = option(
        "set",
        "What",
        group="Edit captions",
        shown={"set": "Set", "replace": "Replace in all shown", "add": "Add", "remove": "Remove"},
        help="Sets a caption, replaces text wherever it stands, or adds or removes a whole tag.",
    )
    names: tuple[str, ...] = option((), "Pictures", group="Edit captions", help="None: all.")
    text: LongText = option("", "Tag", group="Edit captions", help="The caption, the tag, or the new words.")
    find: str = option(
        "",
        "Replace this text, inside words too",
        group="Edit captions",
        help="Text as it is written: 1girl is in 1girls too.",
    )
    first: bool = option(False, "Add in front", group="Edit captions", help="Off: at the end.")
    before: str | None = option(
        None, "Caption before", group="Edit captions", help="When one is set: it is left alone if it is another by now."
    )


@dataclass(frozen=True, kw_only=True)
class PictureRequest(FolderRequest):
    """One picture of a folder."""

    name: str = option("", "Picture", group="Folder", help="Its name, below the folder.")


@dataclass(frozen=True, kw_only=True)
class ThumbnailRequest(PictureRequest):
    """A picture of a folder, or its mask, to look at."""

    size: int = option(256, "Size", group="Folder", low=1, high=LARGEST_THUMBNAIL, help="Pixels a side, at most.")


@dataclass(frozen=True, kw_only=True)
class SpreadRequest(PictureRequest):
    """Mask that was drawn on a picture."""

    png: FileData = option("", "Mask", group="Masks", help="What was drawn: a grey PNG of the picture's shape.")


@dataclass(frozen=True, kw_only=True)
class MaskRequest(SpreadRequest):
    """The mask of a picture; an empty ``png`` takes it away."""

    graded: bool = option(
        False, "Attention map", group="Masks", help="50 % counts once, 100 % five times. Off: white counts once."
    )


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """One job of the Prepare tab."""

    job: str = option("", "Job", group="Job", help="Its id.")


@dataclass(frozen=True, kw_only=True)
class JobStateRequest(JobRequest):
    """State of a job."""

    after: int = option(0, "After", group="Job", low=0, help="How many of its files are known already.")


@dataclass(frozen=True, kw_only=True)
class ResultRequest(JobRequest):
    """One of a job's results, to look at."""

    name: str = option("", "Result", group="Job", help="Its file name.")
    size: int = option(256, "Size", group="Job", low=1, high=LARGEST_THUMBNAIL, help="Pixels a side, at most.")


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

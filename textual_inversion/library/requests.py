"""Requests of the Library. ``file`` is always the path below the embeddings folder that the list gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..core.base.options import FileData, LongText, option
from ..core.embeddings_folder.arithmetic import Shortening

Operation = Literal["scale", "join", "average", "shorten"]
LARGEST_THUMBNAIL = 1024
_FILE = "The embedding, as the list names it."


@dataclass(frozen=True, kw_only=True)
class FileRequest:
    """One embedding."""

    file: str = option("", "Embedding", group="Library", help=_FILE)


@dataclass(frozen=True, kw_only=True)
class CardPictureRequest(FileRequest):
    """The picture of its card, or a preview of one of the runs that made it."""

    run: str = option("", "Run", group="Library", help="A run that made it; empty: the picture of its card.")
    picture: str = option("", "Picture", group="Library", help="One of that run's previews.")
    size: int = option(256, "Size", group="Library", low=1, high=LARGEST_THUMBNAIL, help="Pixels a side, at most.")


@dataclass(frozen=True, kw_only=True)
class DownloadRequest(FileRequest):
    """The file itself."""

    file_format: str = option("", "Format", group="Download", help="Empty: as it is.")


@dataclass(frozen=True, kw_only=True)
class CardRequest(FileRequest):
    """Words of a person for its card; what is not given stays."""

    description: str | None = option(None, "Description", group="Notes", help="Shown on the card in the web UI.")
    notes: LongText | None = option(None, "Notes", group="Notes", help="Shown in the card's dialog.")
    negative: bool | None = option(
        None, "For the negative prompt", group="Notes", help="A click on its card writes the name there."
    )


@dataclass(frozen=True, kw_only=True)
class RenameRequest(FileRequest):
    """Another name."""

    name: str = option(
        "", "New name", group="Rename", help="What you will type in prompts. Its picture and notes come along."
    )


@dataclass(frozen=True, kw_only=True)
class ConvertHereRequest(FileRequest):
    """Another format, in the same folder."""

    file_format: str = option(
        "safetensors",
        "Format",
        group="Convert or download",
        help="a1111: .pt for every web UI; png: a picture that carries it; diffusers, kohya, onetrainer, invoke: for those "
        "programs.",
    )
    name: str = option(
        "", "Name of the new file", group="Convert or download", help="Empty: the same, when the old file is replaced."
    )
    replace: bool = option(False, "Replace the old file", group="Convert or download", help="It goes to the trash.")


@dataclass(frozen=True, kw_only=True)
class SetPictureRequest(FileRequest):
    """The picture of its card: ``picture`` of ``run``, or the bytes in ``data`` (Base64); neither: none."""

    run: str = option("", "Run", group="Set picture", help="A run that made it.")
    picture: str = option("", "Picture", group="Set picture", help="One of that run's previews.")
    data: FileData = option("", "A picture of your own", group="Set picture", help="PNG, JPEG or WebP.")


@dataclass(frozen=True, kw_only=True)
class ExtractRequest:
    """A new embedding out of a picture that carries one, or out of any file that holds one."""

    data: FileData = option(
        "",
        "File",
        group="Add from a file or picture",
        help="A picture that carries an embedding (PNG, lossless WebP), or an embedding of any kind: .pt, .bin, .safetensors.",
    )
    data_name: str = option("", "File name", group="Add from a file or picture", help="What the file is called.")
    source: str = option(
        "", "or its path", group="Add from a file or picture", help="On the computer that this runs on."
    )
    name: str = option("", "Name", group="Add from a file or picture", help="Empty: the name that is in the file.")


@dataclass(frozen=True, kw_only=True)
class CombineRequest:
    """A new embedding made of others by arithmetic."""

    operation: Operation = option(
        "average",
        "What",
        group="Make a new one from others",
        shown={
            "scale": "Scale: stronger or weaker",
            "shorten": "Shorten: fewer vectors",
            "join": "Join: one after the other",
            "average": "Average: a mixture",
        },
        help="Scaling and shortening take one embedding, joining and averaging two or more.",
    )
    files: tuple[str, ...] = option(
        (), "Embeddings", group="Make a new one from others", help="Weights count in an average only."
    )
    weights: tuple[float, ...] = option(
        (), "Weights", group="Make a new one from others", help="For an average: one for each; none: equal."
    )
    factor: float = option(
        1.2, "Factor", group="Make a new one from others", help="Above 1 it is heard more, below 1 less."
    )
    count: int = option(1, "Vectors to keep", group="Make a new one from others", help="When it is shortened.")
    how: Shortening = option(
        "first",
        "How",
        group="Make a new one from others",
        shown={"first": "keep the first ones", "mean": "means of neighbours"},
        help="When it is shortened.",
    )
    name: str = option(
        "", "Name of the new one", group="Make a new one from others", help="What you will type in prompts."
    )


@dataclass(frozen=True, kw_only=True)
class DeleteRequest(FileRequest):
    """Into the trash."""

    alone: bool = option(False, "Alone", group="Delete", help="Leave what belongs to its card.")


@dataclass(frozen=True, kw_only=True)
class TrashRequest:
    """One thing in the trash."""

    id: str = option("", "What", group="Trash", help="As the list of the trash names it.")

"""Requests of the Library. ``file`` is always the path below the embeddings folder that the list gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..core.base.options import option
from ..core.embeddings_folder.arithmetic import Shortening

Operation = Literal["scale", "join", "average", "shorten"]
_FILE = "The embedding, as the list names it."


@dataclass(frozen=True, kw_only=True)
class FileRequest:
    """One embedding."""

    file: str = option("", "Embedding", group="Library", help=_FILE)


@dataclass(frozen=True, kw_only=True)
class CardRequest(FileRequest):
    """Words of a person for its card; what is not given stays."""

    description: str | None = option(None, "Description", group="Card", help="Shown on the card.")
    notes: str | None = option(None, "Notes", group="Card", help="Shown in the card's dialog.")
    negative: bool | None = option(
        None, "For the negative prompt", group="Card", help="A click on the card then writes it there."
    )


@dataclass(frozen=True, kw_only=True)
class RenameRequest(FileRequest):
    """Another name."""

    name: str = option("", "New name", group="Rename", help="What you will type in prompts.")


@dataclass(frozen=True, kw_only=True)
class ConvertHereRequest(FileRequest):
    """Another format, in the same folder."""

    file_format: str = option("", "Format", group="Convert", help="One of the formats that can be written.")
    name: str = option("", "Name", group="Convert", help="Of the new file; empty: the same.")
    replace: bool = option(False, "Replace the old file", group="Convert", help="The old file goes to the trash.")


@dataclass(frozen=True, kw_only=True)
class PictureRequest(FileRequest):
    """The picture of its card: ``picture`` of ``run``, or the bytes in ``data`` (Base64); neither: none."""

    run: str = option("", "Run", group="Picture", help="A run that made it.")
    picture: str = option("", "Picture", group="Picture", help="One of that run's previews.")
    data: str = option("", "File", group="Picture", help="A picture in Base64.")


@dataclass(frozen=True, kw_only=True)
class ExtractRequest:
    """A new embedding out of a picture that carries one, or out of any file that holds one."""

    source: str = option("", "Path", group="Extract", help="Of a file on the computer that the web UI runs on.")
    data: str = option("", "File", group="Extract", help="The file in Base64, in place of a path.")
    data_name: str = option("", "File name", group="Extract", help="What the file in data is called.")
    name: str = option("", "Name", group="Extract", help="Empty: the name that is in the file.")


@dataclass(frozen=True, kw_only=True)
class CombineRequest:
    """A new embedding made of others by arithmetic."""

    operation: Operation = option("average", "What", group="New", help="scale, join, average or shorten.")
    files: tuple[str, ...] = option(
        (), "Embeddings", group="New", help="One to scale or shorten, otherwise two or more."
    )
    weights: tuple[float, ...] = option((), "Weights", group="New", help="For an average: one for each; none: equal.")
    factor: float = option(1.0, "Factor", group="New", help="To scale by.")
    count: int = option(1, "Vectors", group="New", help="To shorten to.")
    how: Shortening = option("first", "How", group="New", help="first: keep the first ones; mean: means of neighbours.")
    name: str = option("", "Name", group="New", help="What you will type in prompts.")


@dataclass(frozen=True, kw_only=True)
class DeleteRequest(FileRequest):
    """Into the trash."""

    alone: bool = option(False, "Alone", group="Delete", help="Leave what belongs to its card.")


@dataclass(frozen=True, kw_only=True)
class TrashRequest:
    """One thing in the trash."""

    id: str = option("", "What", group="Trash", help="As the list of the trash names it.")

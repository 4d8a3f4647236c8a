"""The embeddings folder, for prompts: every file in it by name, read again when it changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ....core.base.errors import UserError
from ....core.embedding.embedding import Embedding, Vectors
from ....core.embeddings_folder.find import CARRIER_SUFFIXES, EMBEDDING_SUFFIXES, files_below
from ....core.formats import read_embedding
from ...file_hash import sha256


@dataclass(frozen=True, kw_only=True)
class LibraryEntry:
    """One file. ``name`` is what prompts call it; ``embedding`` is None where the file is none, with the reason."""

    name: str
    path: Path
    embedding: Embedding | None
    problem: str | None = None

    @property
    def short_hash(self) -> str:
        """The first 12 hex digits of the file's SHA-256, as infotexts have them."""
        return sha256(self.path)[:12]


class EmbeddingLibrary:
    """Reads a folder and the folders below it. ``refresh`` looks again; in between nothing touches the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[Path, tuple[tuple[int, int], LibraryEntry]] = {}
        self._listed: list[LibraryEntry] | None = None
        self._fitting: tuple[dict[str, int], dict[str, Vectors]] | None = None

    def refresh(self, *, anew: Path | None = None) -> None:
        """List the folder; read files whose size or time changed, and ``anew`` in any case."""
        if anew is not None:
            self._read = {known: entry for known, entry in self._read.items() if known.resolve() != anew.resolve()}
        self._listed = [entry for path in sorted(self._files(), key=self._rank) if (entry := self._entry(path))]
        self._fitting = None

    @property
    def _entries(self) -> list[LibraryEntry]:
        if self._listed is None:
            self.refresh()
        return self._listed or []

    def entries(self) -> dict[str, LibraryEntry]:
        """Every readable embedding by name; of two with one name, that which training would find (``find_embedding``)."""
        found: dict[str, LibraryEntry] = {}
        for entry in self._entries:
            if entry.embedding is not None:
                found.setdefault(entry.name, entry)
        return found

    def problems(self) -> dict[Path, str]:
        """Sentences about the files that cannot be read."""
        return {entry.path: entry.problem for entry in self._entries if entry.problem}

    def fitting(self, widths: Mapping[str, int]) -> dict[str, Vectors]:
        """The vectors of those made for a model with these encoder widths, under the model's own encoder keys."""
        if self._fitting is None or self._fitting[0] != widths:
            self._fitting = (dict(widths), self._fit(widths))
        return self._fitting[1]

    def _fit(self, widths: Mapping[str, int]) -> dict[str, Vectors]:
        fitting: dict[str, Vectors] = {}
        for name, entry in self.entries().items():
            if entry.embedding is None:
                continue
            try:
                fitting[name] = entry.embedding.for_encoders(widths)
            except UserError:
                continue  # of another kind of model: prompts show its name as words, as in web UIs
        return fitting

    def _files(self) -> Iterator[Path]:
        for path in files_below(self.folder):
            suffix = path.suffix.lower()
            preview = path.stem.lower().endswith(".preview")
            if suffix in EMBEDDING_SUFFIXES or (suffix in CARRIER_SUFFIXES and not preview):
                yield path

    def _rank(self, path: Path) -> tuple[bool, bool, int, Path]:
        suffix = path.suffix.lower()
        return (
            suffix in CARRIER_SUFFIXES,
            path.parent != self.folder,
            (*EMBEDDING_SUFFIXES, *CARRIER_SUFFIXES).index(suffix),
            path,
        )

    def _entry(self, path: Path) -> LibraryEntry | None:
        try:
            status = path.stat()
        except OSError:
            return None  # taken away between listing and reading
        state = (status.st_size, status.st_mtime_ns)
        known = self._read.get(path)
        if known is None or known[0] != state:
            known = (state, self._open(path))
            self._read[path] = known
        return known[1]

    @staticmethod
    def _open(path: Path) -> LibraryEntry:
        picture = path.suffix.lower() in CARRIER_SUFFIXES
        try:
            embedding = read_embedding(path)
        except UserError as error:
            # A picture without an embedding in it is just a picture.
            return LibraryEntry(name=path.stem, path=path, embedding=None, problem=None if picture else error.message)
        name = embedding.name if picture and embedding.name else path.stem
        return LibraryEntry(name=name, path=path, embedding=embedding)

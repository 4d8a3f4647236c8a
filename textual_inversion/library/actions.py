"""The Library's actions on the embeddings folder. Each tells the host, so that prompts follow at once, and how to undo it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.base.errors import InputError
from ..core.embedding.embedding import Embedding
from ..core.embedding.names import check_name, check_new_name
from ..core.embedding.pair import check_pair_name, negative_name
from ..core.embeddings_folder.card_file import companions, read_user_metadata, update_user_metadata
from ..core.embeddings_folder.card_picture import set_card_picture
from ..core.embeddings_folder.find import EMBEDDING_SUFFIXES
from ..core.embeddings_folder.pair_files import pair_of, refuse_negative_half
from ..core.embeddings_folder.rename import is_cut_short, own_companions, rename_with_partner
from ..core.embeddings_folder.trash import Trash
from ..runs.history.stored_run import StoredRun
from ..runs.locks.name_lock import NameLock
from ..runs.manager import RunManager
from .listing import Shelf
from .requests import (
    CardRequest,
    CombineRequest,
    ConvertHereRequest,
    DeleteRequest,
    RenameRequest,
    SetPictureRequest,
)

Answer = dict[str, Any]


class Library:
    """Answers hold ``message`` (what was done), ``file`` where there is one, and ``undo``: calls that take it back, in order.

    ``check_file`` raises a UserError beside the field ``file`` where the caller may not write this file.
    """

    def __init__(self, manager: RunManager, *, check_file: Callable[[Path], object]) -> None:
        self.shelf = Shelf(manager.host)
        self._manager, self._host, self._check_file = manager, manager.host, check_file

    @property
    def trash(self) -> Trash:
        return Trash(self._host.embeddings_dir)

    def runs_of(self, entry: Mapping[str, Any]) -> list[StoredRun]:
        """The runs that made this embedding, under whatever name it had then."""
        names = [str(entry["name"]), *entry.get("formerly", ())]
        return [run for name in names for run in self._manager.stored.of(name)]

    def run_of(self, entry: Mapping[str, Any], run_id: str) -> StoredRun:
        """One of ``runs_of``. Raises InputError where there is none of this id."""
        found = next((run for run in self.runs_of(entry) if run.id == run_id), None)
        if found is None:
            raise InputError(f"No run with the id {run_id!r} made {entry['name']!r}.", field="run")
        return found

    def card(self, request: CardRequest) -> Answer:
        """Write on the card."""
        path, entry = self._writable(request.file)
        before = read_user_metadata(path)
        update_user_metadata(path, description=request.description, notes=request.notes, negative=request.negative)
        names = ("description", "notes", "negative")
        old = {name: getattr(before, name) for name in names if getattr(request, name) is not None}
        return _done("Saved.", file=request.file, undo=[_call("card", file=request.file, **old)], name=entry["name"])

    def rename(self, request: RenameRequest) -> Answer:
        path, entry = self._writable(request.file)
        check_name(request.name)
        pair = pair_of(path)
        halves = {path: request.name, **({pair.negative: negative_name(request.name)} if pair is not None else {})}
        for old, new in halves.items():
            self._check_free_name(new, path.with_name(f"{new}{old.suffix}"), old=old)
        with self._free(str(entry["name"]), request.name):
            new, *others = rename_with_partner(path, request.name)
            for each in (new, *others):
                self._host.publish(each)
        file = self._file(new)
        followed = f", and its negative half {others[0].stem}" if others else ""
        return _done(
            f"{entry['name']} is called {request.name} now{followed}.",
            file=file,
            undo=[_call("rename", file=file, name=entry["name"])],
        )

    def convert(self, request: ConvertHereRequest) -> Answer:
        """Write another format into the same folder; the old file stays beside it or goes to the trash."""
        from ..core.formats import FORMATS, read_embedding, write_embedding

        path, entry = self._writable(request.file)
        if request.file_format not in FORMATS:
            raise InputError(f"Choose one of the formats: {', '.join(FORMATS)}.", field="file_format")
        embedding = read_embedding(path)
        suffixes = FORMATS[request.file_format].suffixes
        if not suffixes or (request.file_format == "diffusers" and len(embedding.vectors) > 1):
            raise InputError(
                "This format is more than one file, and prompts would find parts of it. Download it instead.",
                field="file_format",
            )
        name = request.name.strip() or str(entry["name"])
        target = path.with_name(f"{check_new_name(name) if name != entry['name'] else path.stem}{suffixes[0]}")
        self._check_free_name(name, target, old=path if request.replace else None)
        with self._free(str(entry["name"]), name):
            old = None
            if request.replace and target == path:
                old = self.trash.put([path], name=str(entry["name"]), copy=True)
            try:
                write_embedding(replace(embedding, name=name), target, file_format=request.file_format)
            except BaseException:
                if old is not None:
                    self.trash.purge(old.id)
                raise
            if request.replace and old is None:
                old = self.trash.put([path], name=str(entry["name"]))
            self._host.publish(target)
        back = [] if old is None else [_call("restore", id=old.id)]
        undo = [_call("delete", file=self._file(target), alone=True), *back]
        kept = " The old file is in the trash." if old else ""
        return _done(f"Wrote {target.name}.{kept}", file=self._file(target), undo=undo)

    def picture(self, request: SetPictureRequest, *, uploaded: Path | None) -> Answer:
        """Choose the picture of its card: a preview of a run, or the ``uploaded`` file; what was there goes to the trash."""
        path, entry = self._writable(request.file)
        name = str(entry["name"])
        chosen = self.run_of(entry, request.run).preview(request.picture) if request.run else uploaded
        before = [each for each in companions(path) if each.stem == f"{path.stem}.preview"]
        old = self.trash.put(before, name=name) if before else None
        try:
            if chosen is not None:
                set_card_picture(path, chosen)
        except BaseException:
            if old is not None:
                self.trash.restore(old.id)
            raise
        undo = [
            *([_call("picture", file=request.file)] if chosen else []),
            *([_call("restore", id=old.id)] if old else []),
        ]
        words = "The card shows it now." if chosen else "The card has no picture now."
        return _done(words, file=request.file, undo=undo)

    def extract(self, source: Path, *, name: str) -> Answer:
        """Read an embedding out of a picture, or any other file, and put it among the others; ``name`` may be empty."""
        from ..core.embedding.names import file_name_for
        from ..core.formats import read_embedding, read_partner

        embedding = read_embedding(source)
        name = name.strip() or file_name_for(embedding.name or source.stem)
        partner = read_partner(source) if embedding.file_format == "png" else None
        path = self._add(embedding, name) if partner is None else self._add_pair(embedding, partner, name)
        if embedding.file_format in ("png", "webp"):
            set_card_picture(path, source)
            self._host.publish(path)
        count = f"{embedding.count} vector{'' if embedding.count == 1 else 's'}"
        if partner is not None:
            count += f", and {negative_name(name)} for the negative prompt: {partner.count}"
        return self._added(f"Added {name}: {count}.", path)

    def combine(self, request: CombineRequest) -> Answer:
        from ..core.formats import read_embedding
        from .combining import combined

        paths = [self.shelf.find(file) for file in request.files]
        sources = [replace(read_embedding(path), name=str(entry["name"])) for path, entry in paths]
        embedding, how = combined(request, sources)
        path = self._add(replace(embedding, notes={"made_from": how}), request.name.strip())
        return self._added(f"Made {path.stem}: {how}.", path)

    def delete(self, request: DeleteRequest) -> Answer:
        """Into the trash, with what belongs to its card; a pair as a whole."""
        path, entry = self._writable(request.file)
        name = str(entry["name"])
        pair = None if request.alone else pair_of(path)
        if not request.alone:
            refuse_negative_half(path, action="Delete")
        halves = [path] if pair is None else [path, pair.negative]
        with self._free(name):
            beside = [file for half in halves if not request.alone for file in own_companions(half)]
            item = self.trash.put([*halves, *beside], name=name)
            for half in halves:
                self._host.publish(half)
        gone = " and ".join([name, *(half.stem for half in halves[1:])])
        return _done(f"{gone} {'is' if pair is None else 'are'} in the trash.", undo=[_call("restore", id=item.id)])

    def restore(self, item_id: str) -> Answer:
        """Out of the trash."""
        files = self.trash.restore(item_id)
        halves = [
            files[0],
            *(file for file in files[1:] if file.stem == negative_name(files[0].stem) and _is_file(file)),
        ]
        for half in halves:
            self._host.publish(half)
        back = " and ".join(half.stem for half in halves)
        return _done(f"{back} {'is' if len(halves) == 1 else 'are'} back.", file=self._file(files[0]))

    def _add(self, embedding: Embedding, name: str) -> Path:
        from ..core.formats import write_embedding

        check_new_name(name)
        ending = ".pt" if len(embedding.vectors) == 1 else ".safetensors"
        path = self._host.embeddings_dir / f"{name}{ending}"
        self._check_free_name(name, path)
        with self._free(name):
            write_embedding(replace(embedding, name=name), path)
            self._host.publish(path)
        return path

    def _add_pair(self, positive: Embedding, negative: Embedding, name: str) -> Path:
        """Both halves, or none. Returns the positive one's file."""
        from ..core.formats import write_pair

        ending = ".pt" if len(positive.vectors) == 1 else ".safetensors"
        names = check_new_name(check_pair_name(name)), check_name(negative_name(name))
        paths = tuple(self._host.embeddings_dir / f"{each}{ending}" for each in names)
        for each, path in zip(names, paths, strict=True):
            self._check_free_name(each, path)
        halves = [
            replace(half, name=each, notes={**half.notes, "pair": kind, "partner": other})
            for half, each, kind, other in zip(
                (positive, negative), names, ("positive", "negative"), reversed(names), strict=True
            )
        ]
        with self._free(name):
            write_pair((halves[0], paths[0]), (halves[1], paths[1]))
            for path in paths:
                self._host.publish(path)
        return paths[0]

    def _added(self, message: str, path: Path) -> Answer:
        file = self._file(path)
        return _done(message, file=file, undo=[_call("delete", file=file)])

    def _check_free_name(self, name: str, path: Path, *, old: Path | None = None) -> None:
        """Raises InputError where prompts know the name already, or the file is there; but for ``old``, which ``path`` is to
        replace, and for ``path`` itself where that was begun and cut short."""
        own = set() if old is None else {old, *([path] if is_cut_short(old, path) else ())}
        taken = [file for file in self.shelf.named(name) if self._host.embeddings_dir / file not in own]
        if not taken and path.exists() and path not in own:
            taken = [path.name]
        if taken:
            raise InputError(f"{name!r} is taken by {taken[0]}. Choose another name.", field="name")

    def _writable(self, file: str) -> tuple[Path, Mapping[str, Any]]:
        """In the list, and where this caller may write: a linked folder may lie outside."""
        path, entry = self.shelf.find(file)
        self._check_file(path)
        return path, entry

    @contextlib.contextmanager
    def _free(self, *names: str) -> Generator[None]:
        """The names for the block. Raises ConflictError while one is being trained, by whomever."""
        with contextlib.ExitStack() as stack:
            for name in {name.casefold(): name for name in names}.values():
                with contextlib.suppress(InputError):  # a downloaded file may have a name that no run can
                    check_name(name)
                    stack.enter_context(NameLock(self._host.embeddings_dir, name))
            yield

    def _file(self, path: Path) -> str:
        return path.relative_to(self._host.embeddings_dir).as_posix()


def _is_file(path: Path) -> bool:
    return path.suffix.lower() in EMBEDDING_SUFFIXES


def _call(route: str, **body: object) -> dict[str, Any]:
    return {"route": f"embeddings/{route}", "body": body}


def _done(message: str, **more: Any) -> Answer:
    return {"message": message, "undo": [], **more}

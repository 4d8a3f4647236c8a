"""Forge or Forge Neo as the owner of model, folders and prompt box. Implements ``core.host.Host``.

The web UI starts with this; what only a lease needs is imported with the first one.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modules import paths, sd_models, sd_vae, shared

from ...core.base.errors import LeaseError
from ...core.dataset.templates import shipped_templates_dir
from ...core.embeddings_folder.find import EMBEDDING_SUFFIXES
from ...core.model.host import LeaseRequest
from ...core.model.shape import ModelShape
from ..webui_page import cards
from ..webui_page.caption_settings import caption_defaults

if TYPE_CHECKING:
    from .lease import ForgeLease

_USUAL_SIZE = 512


class ForgeHost:
    """The web UI itself owns everything; this only borrows. Whoever takes a lease holds the web UI's queue lock."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lent = threading.Lock()

    @property
    def embeddings_dir(self) -> Path:
        return Path(shared.cmd_opts.embeddings_dir)

    @property
    def template_dirs(self) -> Sequence[Path]:
        own = getattr(shared.cmd_opts, "textual_inversion_templates_dir", None)
        return (*([Path(own)] if own else []), shipped_templates_dir())

    @property
    def native_size(self) -> int:
        """Of the loaded checkpoint; 512 while none is. Does not load one: forms ask while the web UI starts."""
        engine = _loaded()
        if engine is None:
            return _USUAL_SIZE
        from .model.engine import native_size
        from .text.encoders import encoders_of

        try:
            return native_size(engine, encoders_of(engine)[0])
        except LeaseError:  # one that cannot be trained on; a lease says so
            return _USUAL_SIZE

    def model_shape(self) -> ModelShape | None:
        engine = _loaded()
        if engine is None:
            return None
        from .model.shape import shape_of
        from .text.encoders import encoders_of

        try:
            encoders_of(engine)
        except LeaseError:
            return None
        return shape_of(engine)

    def count_tokens(self, text: str) -> int | None:
        engine = _loaded()
        if engine is None:
            return None
        from .text.encoders import encoders_of

        try:
            return len(next(iter(encoders_of(engine)[1].values())).tokenize(text))
        except LeaseError:
            return None

    def vae_names(self) -> Sequence[str]:
        """Those of the web UI's folders."""
        return sorted(sd_vae.vae_dict, key=str.casefold)

    def find_vae(self, name: str) -> Path | None:
        from .model.vae_choice import vae_file

        return vae_file(name)

    @property
    def models_dir(self) -> Path:
        return Path(paths.models_path)

    @property
    def caption_defaults(self) -> Mapping[str, Any]:
        """Of those settings that are left: captions come from our own models, as Neo has none and Forge's move the checkpoint
        off the card."""
        return caption_defaults()

    @contextmanager
    def lease(self, request: LeaseRequest) -> Iterator[ForgeLease]:
        """Borrow the chosen checkpoint's engine. Raises LeaseError where it is lent already, or cannot be trained on (so)."""
        from .lending import lent

        if not self._lent.acquire(blocking=False):
            raise LeaseError("The model is in use by another run. Wait for it to end, or stop it first.")
        try:
            with lent(request) as lease:
                yield lease
        finally:
            self._lent.release()

    def embedding_names(self) -> set[str]:
        """Those of the loaded engine, and of the files in the folder, which it reads when it is loaded only."""
        folder = self.embeddings_dir
        files = folder.rglob("*") if folder.is_dir() else ()
        names = {path.stem for path in files if path.suffix.lower() in EMBEDDING_SUFFIXES}
        return names | set(self.known_names())

    def known_names(self) -> Collection[str]:
        """Those that prompts know now; those of the cards until an engine is loaded."""
        engine = _loaded()
        if engine is None:
            return _cards_database().word_embeddings
        return {name for database in _databases(engine) for name in database.word_embeddings}

    def publish(self, path: Path) -> None:
        """Have the engine's encoders and the cards read the folder again: each has a database of its own, and none looks by
        itself."""
        from ..webui_page.pictures import forget_cached_conditioning

        forget_cached_conditioning()
        for database in _databases(_loaded()):
            database.load_textual_inversion_embeddings()
        _cards_database().load_textual_inversion_embeddings(force_reload=True, sync_with_sd_model=False)
        cards.refresh()


def _loaded() -> Any | None:
    """The engine; a stand-in without parts is in its place until the first picture."""
    engine = sd_models.model_data.sd_model
    return engine if getattr(engine, "forge_objects", None) is not None else None


def _databases(engine: Any | None) -> list[Any]:
    """One for each text encoder that embeddings can go into."""
    if engine is None:
        return []
    from .text.encoders import text_engines

    return [text.embeddings for text in text_engines(engine) if hasattr(text, "embeddings")]


def _cards_database() -> Any:
    from modules import ui_extra_networks_textual_inversion

    return ui_extra_networks_textual_inversion.embedding_db

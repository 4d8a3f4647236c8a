"""The web UI as the extension sees it besides a model: a queue, a page, a server with a login."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ..core.base.control import Control
from ..core.model.host import Host
from ..core.record.events import Emit
from ..core.record.kept_steps import StepCopies

if TYPE_CHECKING:
    from starlette.requests import Request

Tab = tuple[Any, str, str]
"""The blocks, the title, the element id."""


@dataclass(frozen=True, kw_only=True)
class OwnSetting:
    """An entry of the web UI's settings page under ``key``: what the field of ``TrainConfig`` called ``field`` begins with;
    ``field`` is empty for what the adapter itself reads."""

    key: str
    field: str
    label: str
    help: str
    default: Any
    choices: tuple[str, ...] = ()


ADD_PARTNER = "textual_inversion_tab_add_partner"
"""Key of the setting that puts negative halves of pairs into the negative prompt by themselves."""


Capability = Literal["vae", "cards", "steps", "partner"]
"""Things that not every web UI can do: a VAE chosen for a run; what a run knows shown on its own cards; ``name@step`` in its
prompts; negative halves of pairs put into the negative prompt."""


class WebUI(Protocol):
    """One per process. Implemented by ``hosts/<name>/webui.py``."""

    @property
    def host(self) -> Host: ...
    @property
    def lacks(self) -> Mapping[Capability, str]:
        """A sentence, with what to do instead, for each thing that this web UI cannot do; the tab says it where the thing
        would be. (Captions are written with its own models where the host is an ``OffersCaptionModels``.)"""
        ...

    @property
    def gate(self) -> AbstractContextManager[Any]:
        """The web UI's own queue: whoever is inside has the model to itself. Entered again and again."""
        ...

    @property
    def confined_to(self) -> Sequence[Path] | None:
        """The folders in one of which paths given over the network have to lie; None where the web UI allows any."""
        ...

    @property
    def served_names(self) -> Sequence[str] | None:
        """Names under which the server is reached on purpose; None where a login makes any name safe."""
        ...

    @property
    def txt2img(self) -> Mapping[str, Any]:
        """The widgets of its txt2img tab by field of ``core.host.PictureRequest``, and ``scheduler`` where it has one; known
        when the page is built."""
        ...

    def training_defaults(self) -> Mapping[str, Any]:
        """First values of fields of ``TrainConfig``, as the web UI's settings page has them now, unchecked."""
        ...

    def add_settings(self, settings: Sequence[OwnSetting], explained: Sequence[tuple[str, str]]) -> None:
        """A section of ours on the settings page; ``explained`` are labels of the web UI's own, and what they do here."""
        ...

    def admits(self, request: Request) -> bool:
        """Tell whether the request carries the web UI's login; always so where it has none."""
        ...

    def watch(self, emit: Emit, control: Control) -> AbstractContextManager[Emit]:
        """Inside, the events given to the emit it yields also show on the web UI's own progress display, and the web UI's
        Interrupt reaches ``control``, even if something else takes it back a moment later."""
        ...

    def on_tabs(self, make: Callable[[], Tab | None]) -> None:
        """Have ``make`` called whenever the page is built; None is no tab."""
        ...

    def on_app(self, mount: Callable[[Any], None]) -> None:
        """Have ``mount`` called with the server's app (FastAPI) whenever it was started."""
        ...

    def extend(self, copies: StepCopies) -> None:
        """Have prompts understand ``name@step``, cards what their user metadata says, and negative prompts get the negative halves
        of pairs where ``ADD_PARTNER`` is set, until scripts are unloaded; without what it ``lacks``."""
        ...

    def cards_html(self, tab: str) -> str | None:
        """The web UI's own cards of embeddings as they are now, for its tab ``txt2img`` or ``img2img``; None without them."""
        ...

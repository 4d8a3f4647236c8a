"""The app's first minute: one button, and an embedding is trained on pictures of the demo's, with a sheet at the end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from ..core.base.errors import UserError
from ..demo.first_embedding import GUIDANCE_SCALE, NAME, PROMPTS, SAMPLING_STEPS, VECTORS, first_run
from ..runs.creation import CreateRequest, create_embedding
from ..runs.manager import RunManager
from ..runs.run import ACTIVE
from ..runs.sheet_request import SheetRequest
from .ids import GROUP, element_id, tab_id
from .messages import error_message, message
from .portable import answer_place, unlisted
from .tab_train import TrainTab

if TYPE_CHECKING:
    from ..core.embedding.embedding import Embedding
    from ..runs.sheets import SheetPlan

_INTRODUCTION = (
    "**New here?** The demo checkpoint that is loaded has no word for a heart of a certain hue. One click writes eight pictures of it, "
    "makes an embedding, trains it in some minutes, and shows what prompts draw before and after."
)
_WAIT = 0.5
"""Seconds between two looks at whether the run has ended."""

_log = logging.getLogger(__name__)


class FirstMinute:
    """Draws the button where it is made; ``wire`` makes it work."""

    def __init__(self, manager: RunManager) -> None:
        self._manager = manager
        with gr.Group(elem_classes=[GROUP, "ti-first"]), gr.Row():
            gr.Markdown(_INTRODUCTION, elem_classes=["ti-intro"])
            self._go = gr.Button(
                "Try it with the demo's pictures", variant="primary", elem_id=element_id("first", "go")
            )
        self._answer = answer_place()

    def wire(self, train: TrainTab, *, prompt: Any) -> None:
        """``train`` shows the settings then; ``prompt`` is the box in which the new name is to stand."""
        outputs = [self._answer, prompt, *train.filled]
        self._go.click(lambda: self.start(train), inputs=[], outputs=outputs, **unlisted())

    def start(self, train: TrainTab) -> list[Any]:
        """Make everything and start the run; the page shows it. The sheet is made when the run has ended."""
        from ..core.formats import read_embedding
        from ..demo.concepts import DEMO_CONCEPT, write_concept

        manager = self._manager
        log_dir = Path(manager.config({}).log_dir)
        pictures = log_dir.parent / "demo" / "pictures"
        try:
            write_concept(pictures)
            name = self._free_name()
            path, _ = create_embedding(
                manager, CreateRequest(name=name, init_text=DEMO_CONCEPT.init_text, vectors=VECTORS)
            )
            before = read_embedding(path)
            config = first_run(manager.host, pictures=pictures, log_dir=log_dir, name=name)
            run = manager.start(config)
        except UserError as error:
            return [error_message(error, form="first"), *(gr.update() for _ in (None, *train.filled))]
        wait = threading.Thread(target=self._finish, args=(run, before), name=f"sheet after {name}", daemon=True)
        wait.start()
        told = message(
            f"Training {name} on the pictures in {pictures}. A sheet of the same prompts before and after follows; the prompt in "
            "Generate holds the name already.",
            kind="done",
            run=run,
            opens=tab_id("train"),
        )
        return [told, gr.update(value=PROMPTS[0].format(name)), *train.fill(config)]

    def _free_name(self) -> str:
        taken = {name.casefold() for name in self._manager.host.embedding_names()}
        names = (NAME if number == 1 else f"{NAME}-{number}" for number in range(1, len(taken) + 2))
        return next(name for name in names if name.casefold() not in taken)

    def _finish(self, run: str, before: Embedding) -> None:
        """Make the sheet once the run is done; one that was stopped gets none."""
        while self._manager.describe(run)["state"] in ACTIVE:
            time.sleep(_WAIT)
        folder = self._manager.folder(run)
        if self._manager.describe(run)["state"] != "done" or folder is None:
            return
        try:
            self._manager.sheets.start(self._plan(folder, before))
        except UserError as error:
            _log.warning("No sheet was made of %s: %s", before.name, error.message)

    def _plan(self, folder: Path, before: Embedding) -> SheetPlan:
        from ..core.formats import read_embedding
        from ..core.record.run_folder import open_run_directory
        from ..runs.sheets import SheetPlan, sheet_path

        kept = open_run_directory(folder)[0].kept()
        columns = [("before", before), *((f"step {step}", read_embedding(path)) for step, path in kept.items())]
        prompts = self._prompts(before.name)
        side = self._manager.host.native_size
        request = SheetRequest(
            prompts=tuple(prompts),
            sampling_steps=SAMPLING_STEPS,
            guidance_scale=GUIDANCE_SCALE,
            seed=1,
            width=side,
            height=side,
        )
        path = sheet_path(folder / "sheets", before.name)
        return SheetPlan(name=before.name, columns=columns, prompts=prompts, request=request, path=path)

    def _prompts(self, name: str) -> Sequence[str]:
        return [prompt.format(name) for prompt in PROMPTS]

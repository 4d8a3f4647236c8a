"""The tab in which prompts are tried; inside a web UI its txt2img tab takes this place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gradio as gr
from PIL import Image

from ..core.base.errors import UserError
from ..core.base.options import build
from ..core.model.host import Picture
from ..runs.manager import RunManager
from .fields import Form
from .generation import GenerateRequest, generate
from .ids import SPLIT, element_id
from .messages import error_message, message
from .monitor import cards
from .portable import accepted, answer_place, unlisted

_PARAMETERS = "parameters"
"""The PNG text chunk in which web UIs keep how a picture was made."""


class GenerateTab:
    """Draws the tab where it is made."""

    def __init__(self, manager: RunManager, *, samplers: Sequence[str], defaults: Mapping[str, Any]) -> None:
        self._manager = manager
        makers = {
            "sampler": lambda **common: gr.Dropdown(choices=list(samplers), **common),
            "prompt": lambda **common: gr.Textbox(lines=3, **common),
        }
        self.form = Form(GenerateRequest, form="generate", defaults=defaults, makers=makers)
        with gr.Row(elem_classes=[SPLIT]):
            with gr.Column(scale=5, min_width=320):
                self._draw_form()
            with gr.Column(scale=6, min_width=320):
                self._draw_result()
        self._wire()

    def make(self, *given: Any) -> Iterator[tuple[Any, ...]]:
        """The gallery, the infotexts, the first of them and a message, after each picture."""
        pictures: list[Picture] = []
        try:
            request = build(GenerateRequest, self.form.values(given))
            for pictures in generate(self._manager, request):
                texts = [picture.infotext for picture in pictures]
                warnings = list(dict.fromkeys(each for picture in pictures for each in picture.warnings))
                told = message(f"{len(pictures)} of {request.count} pictures.", notes=warnings)
                yield [_shown(picture) for picture in pictures], texts, texts[0], told
        except UserError as error:
            yield gr.update(), gr.update(), gr.update(), error_message(error, form="generate")

    def _draw_form(self) -> None:
        prompt = self.form.names(group="Prompt", advanced=False)
        self.form.show(prompt)
        cards(inserts_into=element_id("generate", "prompt"), negatives_into=element_id("generate", "negative_prompt"))
        self.form.show(self.form.names(group="Picture", advanced=False))
        self._go = gr.Button("Generate", variant="primary", elem_id=element_id("generate", "go"))

    def _draw_result(self) -> None:
        options = accepted(gr.Gallery.__init__, {"format": "png", "object_fit": "contain"})
        self._gallery = gr.Gallery(
            label="Pictures", columns=4, height=520, elem_id=element_id("generate", "gallery"), **options
        )
        self._answer = answer_place()
        self._infotext = gr.Textbox(
            label="How it was made", lines=4, interactive=False, elem_id=element_id("generate", "infotext")
        )
        self._texts = gr.State([])

    def _wire(self) -> None:
        outputs = [self._gallery, self._texts, self._infotext, self._answer]
        self._go.click(self.make, inputs=self.form.inputs, outputs=outputs, **unlisted())
        self._gallery.select(_chosen_text, inputs=[self._texts], outputs=[self._infotext], **unlisted())


def _chosen_text(texts: list[str], choice: gr.SelectData) -> str:
    return texts[choice.index] if isinstance(choice.index, int) and choice.index < len(texts) else ""


def _shown(picture: Picture) -> Image.Image:
    """The picture with its parameters, which Gradio writes into the PNG that can be downloaded."""
    image = picture.image.copy()
    image.info[_PARAMETERS] = picture.infotext
    return image

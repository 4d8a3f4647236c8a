"""The prompts a run trains with: a template line and a caption, drawn afresh at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .captions import TagRules, draw_caption
from .randomness import generator
from .templates import Template, render


@dataclass(frozen=True, kw_only=True)
class TrainingPrompts:
    """A1111 draws the line once a picture unless tags are shuffled; drawing at every step shows all lines to all pictures."""

    name: str
    template: Template
    captions: Sequence[str]
    rules: TagRules
    seed: int

    def draw(self, indices: Sequence[int], *, step: int, micro: int) -> list[str]:
        """A prompt for each picture, decided by its arguments alone."""
        prompts: list[str] = []
        for slot, index in enumerate(indices):
            source = generator(self.seed, "prompt", step, micro, slot)
            line = self.template.draw(source)
            caption = draw_caption(self.captions[index], self.rules, source)
            prompts.append(render(line, name=self.name, filewords=caption))
        return prompts

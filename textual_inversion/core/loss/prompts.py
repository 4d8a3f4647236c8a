"""The prompt of each picture, drawn afresh at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..base.randomness import generator
from ..dataset.captions import draw_caption
from ..dataset.templates import Template, render
from ..embedding.names import mention_of
from ..embedding.pair import negative_name
from ..settings.prompts import PromptSettings


@dataclass(frozen=True, kw_only=True)
class TrainingPrompt:
    """Prompt of one picture. ``negative`` is the negative prompt in a pair's run, and empty otherwise."""

    text: str
    negative: str = ""


@dataclass(frozen=True, kw_only=True)
class NegativePrompts:
    """Rule for a pair's negative prompts. ``template`` None: the very line of the prompt.

    ``filewords`` off leaves the caption out of them (DreamArtist's *Positive filewords only*).
    """

    template: Template | None = None
    filewords: bool = True


@dataclass(frozen=True, kw_only=True)
class TrainingPrompts:
    """A1111 draws the line once a picture unless tags are shuffled; drawing at every step shows all lines to all pictures.

    ``negatives`` is None where no pair is trained. With a template of their own, negative prompts take the line of the same
    number where both templates have equally many, as DreamArtist does; else one drawn for them.
    """

    name: str
    template: Template
    captions: Sequence[str]
    settings: PromptSettings
    seed: int
    negatives: NegativePrompts | None = None

    def draw(self, indices: Sequence[int], *, step: int, micro: int) -> list[TrainingPrompt]:
        """Draw one prompt for each picture; deterministic in (indices, step, micro)."""
        prompts: list[TrainingPrompt] = []
        for slot, index in enumerate(indices):
            source = generator(self.seed, "prompt", step, micro, slot)
            line = self.template.draw(source)
            caption = draw_caption(self.captions[index], self.settings, source)
            text = render(line, name=self.name, filewords=caption)
            prompts.append(TrainingPrompt(text=text, negative=self._negative(line, caption, (step, micro, slot))))
        return prompts

    def _negative(self, line: str, caption: str, place: tuple[int, int, int]) -> str:
        if self.negatives is None:
            return ""
        other = self.negatives.template
        if other is not None and len(other.lines) == len(self.template.lines):
            line = other.lines[self.template.lines.index(line)]
        elif other is not None:
            line = other.draw(generator(self.seed, "negative prompt", *place))
        words = caption if self.negatives.filewords else ""
        return in_negative(render(line, name=negative_name(self.name), filewords=words), name=self.name)


def in_negative(text: str, *, name: str) -> str:
    """``text`` with the pair's negative name wherever it (a caption, say) holds the positive one."""
    other = negative_name(name)
    return mention_of(name).sub(lambda _: other, mention_of(other).sub(lambda _: name, text))

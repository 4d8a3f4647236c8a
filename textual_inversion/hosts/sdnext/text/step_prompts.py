"""``name@step`` in the web UI's own pictures: the copy of that step in place of the embedding's last one."""

from __future__ import annotations

from typing import Any

from modules import processing_args, shared
from modules.logger import log

from ....core.record.kept_steps import StepCopies, has_step
from ...patched import Function, Patched
from ..model.pipeline import is_known
from .passing import pass_on, prompts_in
from .tokens import Tokens


class StepPrompts:
    """In force from its making until ``remove``. Prompts are cached by their text, and a token of ours tells its file's content."""

    def __init__(self, copies: StepCopies) -> None:
        self._copies = copies
        self._patch = Patched(processing_args, "set_prompt", self._around)
        self._tokens: tuple[Any, int, Tokens] | None = None

    def remove(self) -> None:
        self._patch.remove()

    def _around(self, first: Function) -> Function:
        def set_prompt(p: Any, *arguments: Any, **named: Any) -> Any:
            pipe = shared.sd_model
            if named or not any(map(has_step, prompts_in(arguments))) or not is_known(pipe):
                return first(p, *arguments, **named)
            tokens = self._known(pipe)
            return pass_on(first, p, arguments, tokens=tokens, copies=self._copies, live={}, tell=_tell)

        return set_prompt

    def _known(self, pipe: Any) -> Tokens:
        """Copies of the tokenizers take a tenth of a second, so they are kept as long as the web UI's stay as they are."""
        tokenizer, size = pipe.tokenizer, len(pipe.tokenizer)
        if self._tokens is None or self._tokens[0] is not tokenizer or self._tokens[1] != size:
            self._tokens = (tokenizer, size, Tokens(pipe))
        return self._tokens[2]


def _tell(sentence: str) -> None:
    log.warning(f"Textual Inversion: {sentence}")

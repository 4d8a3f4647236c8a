"""The web UI's one way from prompts to a pipeline, with tokens of ours in them.

All its ways to make a picture give their prompts, pass by pass, to ``processing_args.set_prompt``, after styles and wildcards and
before its parsers. Weights, BREAK and prompt editing stay its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from modules import shared

from ....core.embedding.embedding import Vectors
from ....core.record.kept_steps import StepCopies
from ...swapped import swapped
from ...webui_page.options import options_set
from ..model.pipeline import text_encoders
from .references import read_references
from .tokens import Tokens

_ATTENTION, _PROMPTS = 3, 6
"""Places among what ``set_prompt`` gets after the picture: the parser's name, and the first of the lists of prompts."""
_LITERAL, _PARSED = "fixed", "native"

Told = Callable[[str], None]
"""Takes a sentence about a reference that could not be followed."""


def prompts_in(arguments: Sequence[Any]) -> list[str]:
    """All prompts of a call, negative ones too."""
    return [text for each in arguments[_PROMPTS:] if _are_prompts(each) for text in each]


def pass_on(
    set_prompt: Callable[..., Any],
    p: Any,
    arguments: Sequence[Any],
    *,
    tokens: Tokens,
    copies: StepCopies | None,
    live: Mapping[str, Vectors],
    tell: Told,
) -> Any:
    """Call ``set_prompt`` with ``live`` embeddings and those of kept steps in its prompts.

    What the web UI notes of embeddings in use are their names. Its parser "fixed" leaves prompts to the pipeline, which would read
    them when our tokens are gone: then they are encoded here, word for word.
    """
    pipe = shared.sd_model
    texts = list(dict.fromkeys(prompts_in(arguments)))
    read = read_references(pipe, texts, copies, names={*pipe.embedding_db.word_embeddings, *live})
    for sentence in read.warnings:
        tell(sentence)
    with ExitStack() as stack:
        standing = stack.enter_context(tokens.standing({**read.vectors, **live}, marks=read.marks))
        replaced = dict(zip(texts, map(standing.written, read.prompts), strict=True))
        changed = [
            [replaced[text] for text in each] if place >= _PROMPTS and _are_prompts(each) else each
            for place, each in enumerate(arguments)
        ]
        stack.enter_context(swapped(pipe, **_tokenizers(pipe, tokens)))
        if (changed[_ATTENTION] or getattr(p, "prompt_attention", None) or shared.opts.prompt_attention) == _LITERAL:
            stack.enter_context(options_set(prompt_attention=_LITERAL))
            changed[_ATTENTION] = _PARSED
        result = set_prompt(p, *changed)
    known = {**{name: name for name in live}, **read.written}
    names = {token: known.get(word) for word, token in standing.words.items()}
    used = [names.get(token, token) for token in pipe.embedding_db.embeddings_used]
    pipe.embedding_db.embeddings_used = [name for name in used if name]
    return result


def _tokenizers(pipe: Any, tokens: Tokens) -> dict[str, Any]:
    suffixes = zip(text_encoders(pipe), ("", "_2"), strict=False)
    return {f"tokenizer{suffix}": tokens.tokenizers[key] for key, suffix in suffixes}


def _are_prompts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(text, str) for text in value)

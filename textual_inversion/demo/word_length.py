"""Makes the demo checkpoint's words as long as SD 1.5's, without changing what it draws.

Training leaves token vectors of length 5.7 (`models.TOKEN_SPREAD`); CLIP-L's are near 0.4. A learning rate moves a vector by
an absolute distance, so the rates of A1111's guides (0.005) would hardly move an embedding here. CLIP's text transformer
reads its stream through layer norms only: everything that is written into it times one factor comes out of them the same,
but for their eps (here 1e-5 of a variance above 8e-4).
"""

from __future__ import annotations

import math

from torch import Tensor

WORD_LENGTH = 0.4
"""About the mean length of a CLIP-L token vector."""
_BODY = "cond_stage_model.transformer.text_model."
TOKEN_TABLE = f"{_BODY}embeddings.token_embedding.weight"
_WRITES = ("token_embedding.weight", "position_embedding.weight", ".out_proj.weight", ".out_proj.bias")
_WRITES += (".fc2.weight", ".fc2.bias")


def with_word_length(weights: dict[str, Tensor], length: float = WORD_LENGTH) -> dict[str, Tensor]:
    """`weights` (LDM's names) with token vectors of about `length`, the mean over the whole table.

    The factor is a power of two, so that no float16 is rounded and doing it again changes nothing: the mean ends between
    0.71 and 1.41 times `length`.
    """
    mean = weights[TOKEN_TABLE].float().norm(dim=1).mean().item()
    factor = 2.0 ** round(math.log2(length / mean))
    if factor == 1.0:
        return weights
    written = {name: tensor * factor for name, tensor in weights.items() if _is_written(name)}
    return {**weights, **written}


def _is_written(name: str) -> bool:
    """Tell whether a weight's product is added to the stream."""
    return name.startswith(_BODY) and name.endswith(_WRITES)

"""Settings of the embedding, the length and the learning rate."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.options import option
from ..base.seeds import LARGEST_SEED


@dataclass(frozen=True, kw_only=True)
class EmbeddingSettings:
    """Settings of the embedding, the length and the learning rate."""

    name: str = option(
        "",
        "Embedding",
        group="Embedding",
        help="The embedding to train. Make it first in Create.",
    )
    steps: int = option(
        100000,
        "Max steps",
        group="Embedding",
        low=1,
        high=10_000_000,
        help="Training ends when the embedding has had this many steps in all, those of earlier runs counted. "
        "3000 are usually enough, and more pictures take more; too many make it ignore the rest of the prompt.",
    )
    learning_rate: str = option(
        "0.005",
        "Embedding Learning rate",
        group="Embedding",
        help="How far one step moves the vectors. 0.005 is usual; 0.01 is faster and riskier. A falling rate is written "
        "as rate:step: '0.1:500, 0.01:1000, 0.001' is 0.1 up to step 500, 0.01 up to 1000, then 0.001; "
        "'5e-2:100, 5e-3:500, 5e-4:1000, 5e-5:1500, 5e-6' is another. Steps may be shares of the whole: '0.01:25%, 0.005'. "
        "'0.005 cosine' falls smoothly to zero.",
    )
    seed: int = option(
        0,
        "Seed",
        group="Embedding",
        low=0,
        high=LARGEST_SEED,
        advanced=True,
        help="Decides order, noise, timesteps and captions. The same seed and settings give the same embedding.",
    )

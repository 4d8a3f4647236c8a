"""The arms about one picture: a pair (APT) against a single embedding, by work and by steps."""

from __future__ import annotations

from collections.abc import Mapping

from .arm import ALL_SEEDS, BUDGET, Arm
from .concepts import HIDDEN

_GUIDANCE = 3.0
_ONE: Mapping[str, object] = {"learning_rate": "0.003", "batch_size": 1, "clip_gradient": "norm", "clip_value": "1"}
"""Advice of DreamArtist's mini-guide for one thing, and the clipping that DreamArtist always did."""
_PAIR: Mapping[str, object] = {**_ONE, "apt": True, "guidance": f"{_GUIDANCE:g}", "negative_filewords": False}


def _plain(name: str, says: str, *, seeds: tuple[int, ...] = ALL_SEEDS, **train: object) -> Arm:
    """A single embedding of three vectors from one picture; at half of its work it has made as many steps as a pair."""
    return Arm(
        name=name,
        says=says,
        create={"vectors": 3},
        train={**_ONE, **train},
        judged_at=(0.5,),
        seeds=seeds,
        pictures=1,
        concepts=HIDDEN,
    )


def _pair(
    name: str,
    says: str,
    *,
    guidance_scale: float = _GUIDANCE,
    seeds: tuple[int, ...] = ALL_SEEDS,
    of: str | None = None,
    alone: bool = False,
    **train: object,
) -> Arm:
    """Three positive and six negative vectors from one picture, judged at the guidance scale they were trained with."""
    return Arm(
        name=name,
        says=says,
        create={"apt": True, "vectors": 3, "negative_vectors": 6},
        train={**_PAIR, **train},
        budget=BUDGET,
        pictures=1,
        guidance_scale=guidance_scale,
        seeds=seeds,
        of=of,
        alone=alone,
        concepts=HIDDEN,
    )


_ONCE = (0,)
"""The seed of what explains the others."""

PAIR_ARMS: tuple[Arm, ...] = (
    _plain("one-plain", "a single embedding, three vectors, rate 0.003"),
    _pair("pair", "a pair, 3 + 6 vectors, rate 0.003, guidance 3"),
    _pair("pair-ema", "the same with an EMA of 0.97", ema=0.97),
    _pair("pair-dynamic", "the same with guidance 1.5-3.0:cos", guidance="1.5-3.0:cos"),
    _pair("pair-reconstruction", "the same with the reconstruction loss, weight 1", reconstruction=1.0),
    _pair(
        "pair-guidance-1.5",
        "the same with guidance 1.5, drawn with a CFG scale of 5",
        guidance="1.5",
        guidance_scale=5.0,
        seeds=_ONCE,
    ),
    _pair("pair-captions", "the same, file words in the negative prompt too", negative_filewords=True, seeds=_ONCE),
    _pair("pair-velocity", "the same with the loss as an error in v", loss_weighting="velocity", seeds=_ONCE),
    _plain("one-velocity", "one-plain with the loss as an error in v", loss_weighting="velocity", seeds=_ONCE),
    _pair("pair-at-6", "the arm pair, drawn with a CFG scale of 6", guidance_scale=6.0, seeds=_ONCE, of="pair"),
    _pair(
        "pair-alone",
        "the arm pair, positive half alone, CFG scale 5",
        guidance_scale=5.0,
        seeds=_ONCE,
        of="pair",
        alone=True,
    ),
    Arm(
        name="one-plain-at-1",
        says="the arm one-plain, drawn without guidance (CFG scale 1)",
        of="one-plain",
        pictures=1,
        guidance_scale=1.0,
        seeds=_ONCE,
        concepts=HIDDEN,
    ),
)

"""Sizes of a model that training memory depends on, as plain numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["residual", "transformer", "down", "up"]


@dataclass(frozen=True)
class UNetBlock:
    """``level`` 0 is as large as the latents, each further one has a quarter of the positions. ``depth`` is that of a
    transformer; the level of an ``up`` is the one it leads to."""

    kind: BlockKind
    level: int
    channels_in: int
    channels_out: int
    depth: int = 1


@dataclass(frozen=True, kw_only=True)
class TextShape:
    """One text encoder: ``tokens`` of a chunk, ``width`` and ``inner_width`` of each of ``layers``."""

    layers: int
    width: int
    inner_width: int
    tokens: int = 77


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """``weights`` are bytes by part: unet, text, vae. ``activation_bytes`` of one number in the U-Net; ``vae_bytes`` in the VAE.

    ``vae_channels`` from full size down; a picture is ``factor`` times as large as its latents. ``device`` as torch names it.
    """

    unet: Sequence[UNetBlock]
    text: Sequence[TextShape]
    vae_channels: Sequence[int]
    weights: Mapping[str, int]
    device: str
    latent_channels: int = 4
    factor: int = 8
    activation_bytes: int = 4
    vae_bytes: int = 4


def unet_blocks(
    *, channels: Sequence[int], blocks: int, depths: Sequence[int], middle_depth: int
) -> tuple[UNetBlock, ...]:
    """The blocks of LDM's U-Net: ``channels`` and transformer ``depths`` per level, ``blocks`` residual ones on the way down."""
    return (*_way_down(channels, blocks, depths), *_middle(channels, middle_depth), *_way_up(channels, blocks, depths))


def _way_down(channels: Sequence[int], blocks: int, depths: Sequence[int]) -> Iterator[UNetBlock]:
    last = channels[0]
    for level, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        for _ in range(blocks):
            yield UNetBlock("residual", level, last, width)
            last = width
            if depth:
                yield UNetBlock("transformer", level, width, width, depth)
        if level < len(channels) - 1:
            yield UNetBlock("down", level, width, width)


def _middle(channels: Sequence[int], depth: int) -> Iterator[UNetBlock]:
    level, width = len(channels) - 1, channels[-1]
    yield UNetBlock("residual", level, width, width)
    if depth:
        yield UNetBlock("transformer", level, width, width, depth)
    yield UNetBlock("residual", level, width, width)


def _way_up(channels: Sequence[int], blocks: int, depths: Sequence[int]) -> Iterator[UNetBlock]:
    skips = [channels[0]]
    for level, width in enumerate(channels):
        skips += [width] * blocks + ([width] if level < len(channels) - 1 else [])
    last = channels[-1]
    for level in reversed(range(len(channels))):
        width = channels[level]
        for _ in range(blocks + 1):
            yield UNetBlock("residual", level, last + skips.pop(), width)
            last = width
            if depths[level]:
                yield UNetBlock("transformer", level, width, width, depths[level])
        if level:
            yield UNetBlock("up", level - 1, width, width)

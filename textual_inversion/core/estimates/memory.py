"""Estimate the memory of a run from the shapes of its model and pictures alone.

What is kept for the backward pass, in numbers per position (weights are frozen, so linear layers keep nothing; attention is
``scaled_dot_product_attention``, which keeps no matrix of scores; verified with torch's saved tensor hooks, which found 5 % less):

- residual block: 3 in + 3 out channels (input and output of each group norm, and of each SiLU);
- transformer block of depth d: 3 + 21 d times its channels (norms 3, self-attention 4, cross-attention 2, GEGLU 12), and
  2 d for each of the prompt's tokens;
- text encoder layer: 6 widths and 2 inner widths a token.

Computed again selectively, a residual block keeps 1 in + 1 out, a transformer block 1 + 9 d (no second norm, no GEGLU); in full only the inputs
of blocks are kept, and one block is computed again at a time. A pair keeps twice as much
(one half at a time where they are made in turn); the reconstruction loss also what the blocks of the VAE's decoder need.

Estimated and measured peak in MB on a CPU, float32 (``python -m benchmarks.memory_estimate``, a process each; on a busy machine, where a second measurement
of the fourth was 310):

| model | size | batch | all again | estimated | measured |
|---|---|---|---|---|---|
| demo | 64 | 8 | no | 222 | 223 |
| demo | 64 | 64 | no | 686 | 672 |
| demo | 128 | 8 | no | 359 | 388 |
| demo | 128 | 8 | yes | 258 | 284 |
| SD 1.5 shape | 256 | 1 | no | 5072 | 5114 |
| SD 1.5 shape | 256 | 1 | yes | 4820 | 4913 |
| narrow SDXL shape | 256 | 1 | no | 3322 | 3321 |

Nothing of it was measured on a GPU yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..model.shape import ModelShape, TextShape, UNetBlock
from ..pictures.fit import Size
from ..settings.memory import Recompute

_TOKENS = 77
_VAE_TENSORS = 4
"""As large as its largest layer, alive at once in the VAE without gradient: input, norm, SiLU, output."""

_KERNEL = 9
_PROGRAM = 80_000_000
"""Bytes that libraries and the vocabulary take in a process with its first run, on a CPU, where it is the same memory."""


@dataclass(frozen=True, kw_only=True)
class MemoryEstimate:
    """Bytes. ``weights`` of the whole model; ``training`` and ``pictures`` (VAE encoding or decoding) are beside them, one at a time.

    ``parked`` is how much of the weights is elsewhere while training steps are made; ``other``: latents and libraries, on a CPU.
    """

    weights: int
    parked: int
    training: int
    pictures: int
    other: int

    @property
    def peak(self) -> int:
        """The most at one time."""
        return self.other + self.weights + max(self.training - self.parked, self.pictures)

    @property
    def beside_model(self) -> int:
        """Bytes that must be free where the model is loaded already."""
        return self.peak - self.weights


def estimate_memory(
    shape: ModelShape,
    sizes: Sequence[Size],
    *,
    batch_size: int,
    recompute: Recompute,
    previews: bool,
    halves: int = 1,
    reconstruction: bool = False,
) -> MemoryEstimate:
    """For pictures of these training ``sizes`` (width, height; at least one). ``previews``: whether pictures are made in between.

    ``halves``: of a pair in memory at a time, 2 unless they are predicted in turn. With ``reconstruction`` the VAE is not
    parked, and its decoder keeps what its gradient needs.
    """
    largest = max(sizes, key=lambda size: size[0] * size[1])
    positions = largest[0] * largest[1] // shape.factor**2
    on_cpu = shape.device.startswith("cpu")
    rows = batch_size * halves
    training = rows * (_unet(shape, positions, recompute) + sum(map(_text, shape.text)))
    training += _transient(shape, positions, rows) + (_reordered(shape.unet) if on_cpu else 0)
    training += batch_size * _decoder(shape, largest) if reconstruction else 0
    return MemoryEstimate(
        weights=sum(shape.weights.values()),
        parked=0 if on_cpu or reconstruction else shape.weights.get("vae", 0),
        training=training,
        pictures=_vae(shape, largest, decoding=previews),
        other=_latents(shape, sizes) + _PROGRAM if on_cpu else 0,
    )


def _unet(shape: ModelShape, positions: int, recompute: Recompute) -> int:
    kept = {"none": _kept, "selective": _kept_selectively, "full": _kept_inputs}[recompute]
    numbers = sum(kept(block, positions) for block in shape.unet)
    if recompute == "full":
        numbers += 2 * max(_kept(block, positions) for block in shape.unet)  # itself and its gradients
    return numbers * shape.activation_bytes


def _kept(block: UNetBlock, positions: int) -> int:
    here = positions // 4**block.level
    if block.kind == "residual":
        return here * 3 * (block.channels_in + block.channels_out)
    if block.kind == "transformer":
        return block.channels_out * (here * (3 + 21 * block.depth) + 2 * _TOKENS * block.depth)
    return here * block.channels_in


def _kept_selectively(block: UNetBlock, positions: int) -> int:
    here = positions // 4**block.level
    if block.kind == "residual":
        return here * (block.channels_in + block.channels_out)
    if block.kind == "transformer":
        return block.channels_out * (here * (1 + 9 * block.depth) + 2 * _TOKENS * block.depth)
    return 0


def _kept_inputs(block: UNetBlock, positions: int) -> int:
    here = positions // 4**block.level
    if block.kind == "transformer":
        return here * block.channels_out * (1 + block.depth)
    return here * block.channels_in if block.kind == "residual" else 0


def _text(text: TextShape) -> int:
    """float32: of the frozen encoder's layers, between the vectors and the U-Net."""
    return text.layers * text.tokens * (6 * text.width + 2 * text.inner_width) * 4


def _transient(shape: ModelShape, positions: int, batch_size: int) -> int:
    """Gradients and results that are alive for a moment: those of the largest GEGLU."""
    widest = max(block.channels_out * (positions // 4**block.level) for block in shape.unet)
    return 2 * 12 * widest * batch_size * shape.activation_bytes


def _reordered(unet: Sequence[UNetBlock]) -> int:
    """oneDNN copies the weights of a convolution into its own order while it computes; forward and backward have one each."""
    return 2 * max(_KERNEL * block.channels_in * block.channels_out for block in unet if block.kind == "residual") * 4


def _vae(shape: ModelShape, size: Size, *, decoding: bool) -> int:
    """One picture. The decoder's last level begins with the channels of the level before it."""
    channels = shape.vae_channels[min(1, len(shape.vae_channels) - 1)] if decoding else shape.vae_channels[0]
    return _VAE_TENSORS * channels * size[0] * size[1] * shape.vae_bytes


def _decoder(shape: ModelShape, size: Size) -> int:
    """Count what LDM's decoder keeps of one picture: three residual blocks a level, each as in the U-Net, and the way up between."""
    channels, numbers = shape.vae_channels, 0
    for level, width in enumerate(channels):
        before = channels[min(level + 1, len(channels) - 1)]
        kept = 3 * (before + width) + 2 * 3 * (2 * width) + before
        numbers += kept * size[0] * size[1] // 4**level
    return numbers * shape.vae_bytes


def _latents(shape: ModelShape, sizes: Sequence[Size]) -> int:
    """Mean and deviation of each picture, float32 on the CPU."""
    return sum(2 * 4 * shape.latent_channels * (width * height // shape.factor**2) for width, height in sizes)

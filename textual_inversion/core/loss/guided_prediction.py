"""The guided prediction that a pair is trained through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.utils.checkpoint import checkpoint

from ..embedding.pair import negative_half, negative_name, positive_half
from ..model.host import Conditioning, Lease
from .guidance_scale import scales_at
from .prediction import check_inserted, part_of, row_count
from .prompts import TrainingPrompt


@dataclass(frozen=True, kw_only=True)
class GuidedPrediction:
    """``e = e_neg + s(t) (e_pos - e_neg)`` (DreamArtist, equation 4): what a sampler makes of prompt and negative prompt.

    Both predictions come from one pass over a doubled batch; with ``in_turn`` from one pass each, whose activations are not
    kept but made again for the gradient, so that only one half's are in memory at a time. Both give the same gradient.
    ``scales`` [T] holds s(t) for every timestep of the model.
    """

    lease: Lease
    name: str
    scales: torch.Tensor
    in_turn: bool = False

    def __call__(
        self,
        vectors: Mapping[str, torch.Tensor],
        *,
        noisy: torch.Tensor,
        timesteps: torch.Tensor,
        prompts: Sequence[TrainingPrompt],
        size: tuple[int, int],
    ) -> torch.Tensor:
        """The guided prediction [B, C, h, w], as ``Predictor``; with a gradient for the vectors of both halves."""
        conditioning = self._encode(vectors, prompts, size=size)
        predict = self._in_turn if self.in_turn else self._doubled
        negative, positive = predict(noisy, timesteps, conditioning)
        return negative + scales_at(self.scales, timesteps) * (positive - negative)

    def _encode(
        self, vectors: Mapping[str, torch.Tensor], prompts: Sequence[TrainingPrompt], *, size: tuple[int, int]
    ) -> Conditioning:
        """The conditioning [2B, tokens, width] of the negative prompts, then of the positive ones: encoded together,
        so all are padded to the same length."""
        other = negative_name(self.name)
        halves = {self.name: positive_half(vectors), other: negative_half(vectors)}
        texts = [prompt.text for prompt in prompts]
        negatives = [prompt.negative for prompt in prompts]
        width, height = size
        conditioning = self.lease.encode_prompts([*negatives, *texts], embeddings=halves, width=width, height=height)
        half = len(prompts)
        check_inserted(other, negatives, conditioning.inserted[:half], rows=row_count(halves[other]))
        check_inserted(self.name, texts, conditioning.inserted[half:], rows=row_count(halves[self.name]))
        return conditioning

    def _doubled(
        self, noisy: torch.Tensor, timesteps: torch.Tensor, conditioning: Conditioning
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The negative and the positive prediction, each [B, C, h, w], from one pass over [2B, C, h, w]."""
        both = self.lease.predict(torch.cat([noisy, noisy]), torch.cat([timesteps, timesteps]), conditioning)
        negative, positive = both.chunk(2)
        return negative, positive

    def _in_turn(
        self, noisy: torch.Tensor, timesteps: torch.Tensor, conditioning: Conditioning
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same from one pass each over [B, C, h, w]."""
        half = noisy.shape[0]

        def predicted(places: slice) -> torch.Tensor:
            """[B, C, h, w] under the prompts at ``places``."""
            part = part_of(conditioning, places)
            # The model draws nothing, so there is no random state to keep for the second pass.
            return checkpoint(  # type: ignore[no-any-return]
                self.lease.predict, noisy, timesteps, part, use_reentrant=False, preserve_rng_state=False
            )

        return predicted(slice(half)), predicted(slice(half, None))

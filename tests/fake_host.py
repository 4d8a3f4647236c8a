"""A host whose model is a few lines of torch: quick enough to train thousands of steps in a test.

Its "U-Net" predicts noise from the noisy latents, the timestep and the mean of the prompt's token vectors, so that an
embedding can really be learned. Words are their own tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from fake_training import colours_alike
from PIL import Image

from textual_inversion.core.base.errors import InputError, LeaseError
from textual_inversion.core.embedding.embedding import Vectors
from textual_inversion.core.model.host import (
    CheckpointInfo,
    Conditioning,
    LatentMoments,
    LeaseRequest,
    NoiseSchedule,
    Picture,
    PictureRequest,
    Recompute,
)
from textual_inversion.core.model.vae_attention import VaeAttention

WIDTHS = {"clip_l": 16, "clip_g": 24}
VOCABULARY = 64


def _random(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class FakeEncoder:
    def __init__(self, width: int) -> None:
        self.width = width
        self._table = _random((VOCABULARY, width), width) * 0.1

    def tokenize(self, text: str) -> list[int]:
        return [sum(map(ord, word)) % VOCABULARY for word in re.findall(r"[\w-]+|[^\w\s]", text.lower())]

    def token_text(self, token_id: int) -> str:
        return f"word{token_id}"

    def table(self) -> torch.Tensor:
        return self._table

    def encode_words(self, text: str) -> torch.Tensor:
        return self._table[self.tokenize(text)] * 10


@dataclass
class FakeLease:
    checkpoint: CheckpointInfo
    encoders: Mapping[str, FakeEncoder]
    schedule: NoiseSchedule
    needs_loss_scaling: bool = False
    family: str = "sd1"
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    lost: bool = False
    predictions: int = 0
    nan_at: set[int] = field(default_factory=set)
    fails_at: dict[int, Exception] = field(default_factory=dict)
    picture_error: Exception | None = None
    room_for: int | None = None
    """Pictures that a prediction with a gradient has memory for; twice as many where all is computed again."""

    recompute: Recompute = "selective"

    def __post_init__(self) -> None:
        width = sum(encoder.width for encoder in self.encoders.values())
        self._mix = _random((width, 4), 3) * 0.5

    def encode_images(self, pixels: torch.Tensor) -> LatentMoments:
        small = torch.nn.functional.avg_pool2d(pixels, 8)
        mean = torch.cat([small, small.mean(dim=1, keepdim=True)], dim=1)
        return LatentMoments(mean=mean, std=torch.full_like(mean, 0.1))

    def vae_attention(self, pixels: torch.Tensor) -> VaeAttention:
        return colours_alike(pixels)

    def park_vae(self) -> None:
        pass

    def recompute_more(self) -> Recompute | None:
        further: dict[Recompute, Recompute] = {"none": "selective", "selective": "full"}
        if self.recompute not in further:
            return None
        self.recompute = further[self.recompute]
        return self.recompute

    def decode_latents(self, latents: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(latents[:, :3], scale_factor=8)

    def encode_prompts(
        self, prompts: Sequence[str], *, embeddings: Mapping[str, Vectors], width: int, height: int
    ) -> Conditioning:
        encoded, counts = [], []
        for prompt in prompts:
            rows, count = self._encode(prompt, embeddings)
            encoded.append(rows)
            counts.append(count)
        context = torch.stack(encoded).unsqueeze(1).expand(-1, 77, -1)  # every place says the same
        return Conditioning(context=context, vector=None, inserted=tuple(counts))

    def _encode(self, prompt: str, embeddings: Mapping[str, Vectors]) -> tuple[torch.Tensor, int]:
        parts: list[torch.Tensor] = []
        count = 0
        for key, encoder in self.encoders.items():
            rows, count, rest = [encoder.table()[encoder.tokenize(prompt)]], 0, prompt
            for name in sorted(embeddings, key=len, reverse=True):  # as hosts do: the longest name that fits
                vectors, found = embeddings[name], rest.count(name)
                rest = rest.replace(name, "")
                rows.extend([vectors[key]] * found)
                count += found * vectors[key].shape[0]
            parts.append(torch.cat(rows).mean(dim=0))
        return torch.cat(parts), count

    def predict(self, noisy: torch.Tensor, timesteps: torch.Tensor, conditioning: Conditioning) -> torch.Tensor:
        self.predictions += 1
        if self.predictions in self.fails_at:
            raise self.fails_at.pop(self.predictions)
        room = (self.room_for or len(noisy)) * (2 if self.recompute == "full" else 1)
        if torch.is_grad_enabled() and len(noisy) > room:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        guess = (conditioning.context.mean(dim=1) @ self._mix)[:, :, None, None]
        prediction = noisy * 0.7 - guess * (1 - timesteps[:, None, None, None] / 1000)
        return prediction * float("nan") if self.predictions in self.nan_at else prediction

    def check(self) -> None:
        if self.lost:
            raise LeaseError("Another checkpoint was loaded while training.")

    def picture(self, request: PictureRequest, *, embeddings: Mapping[str, Vectors]) -> Picture:
        if self.picture_error is not None:
            raise self.picture_error
        return Picture(image=Image.new("RGB", (request.width, request.height), (90, 20, 20)), infotext=request.prompt)


class FakeHost:
    """Owns one fake lease at a time; ``leases`` counts how often it was lent and whether it came back."""

    name = "fake"
    native_size = 64

    def __init__(self, folder: Path, *, encoders: Sequence[str] = ("clip_l",), **lease: object) -> None:
        self.embeddings_dir = folder / "embeddings"
        self.embeddings_dir.mkdir(exist_ok=True)
        self.template_dirs = [folder / "templates"]
        self.published: list[Path] = []
        self.given_back = 0
        self.requests: list[LeaseRequest] = []
        alphas = torch.linspace(0.999, 0.01, 1000, dtype=torch.float64)
        self.leased = FakeLease(
            checkpoint=CheckpointInfo(name="fake", path=None, sha256="0123456789abcdef" * 4),
            encoders={key: FakeEncoder(WIDTHS[key]) for key in encoders},
            schedule=NoiseSchedule(alphas_cumprod=alphas, prediction_type="epsilon"),
            **lease,  # type: ignore[arg-type]
        )

    @contextmanager
    def lease(self, request: LeaseRequest) -> Iterator[FakeLease]:
        self.requests.append(request)
        try:
            yield self.leased
        finally:
            self.given_back += 1

    def model_shape(self) -> None:
        """Nothing is known of it."""

    def count_tokens(self, text: str) -> int | None:
        return len(text.split())

    def vae_names(self) -> Sequence[str]:
        return ("kl.vae.pt",)

    def find_vae(self, name: str) -> Path | None:
        if name not in ("None", *self.vae_names()):
            raise InputError(f"There is no VAE called {name!r}. There are: None, kl.vae.pt.", field="vae")
        return None if name == "None" else Path(name)

    def embedding_names(self) -> set[str]:
        return {path.stem for path in self.embeddings_dir.glob("*.pt")}

    def publish(self, path: Path) -> None:
        self.published.append(path)

"""What the contract suite works with: a host that has a tiny checkpoint, what a lease must leave as it was, reference values."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tiny_text_encoder import embedding_vectors
from tiny_variants import VARIANTS

from textual_inversion.core.embedding.embedding import ANY_ENCODER, Embedding, Vectors
from textual_inversion.core.formats import write_embedding
from textual_inversion.core.model.host import Host, Lease, LeaseRequest, ModelFamily, PictureRequest
from textual_inversion.core.settings.train_config import TrainConfig

REFERENCE = Path(__file__).parent / "hosts" / "reference"
STEPS = 20
_FILES = {"sd1": "a1111_model", "sd2": "a1111_model_sd2", "sdxl": "a1111_sdxl"}


@dataclass
class Bench:
    """A host with a tiny checkpoint, ``variant`` of `tiny_variants.py`.

    ``modules``: the model's, as they are at the moment; ``state``: what else a lease must leave as it was. ``looseness``: how many
    times as far from the reference values results may lie, more than 1 where the U-Net runs in half precision.
    Rows of a token table beyond ``vocabulary`` are embeddings of files, where a host keeps them there.
    """

    host: Host
    variant: str
    folder: Path
    modules: Callable[[], Sequence[torch.nn.Module]]
    state: Callable[[], dict[str, object]] = field(default=dict)
    looseness: float = 1.0
    vocabulary: int | None = None

    @property
    def family(self) -> ModelFamily:
        return VARIANTS[self.variant].family

    def close(self, actual: torch.Tensor, expected: torch.Tensor, *, atol: float, rtol: float = 0.0) -> None:
        """Compare numbers, on whatever device they lie."""
        loose = self.looseness
        torch.testing.assert_close(actual.detach().cpu(), expected.detach().cpu(), atol=atol * loose, rtol=rtol * loose)

    def fingerprint(self) -> dict[str, str]:
        """Of weights, buffers, flags, modes, hooks, instance attributes, the classes' own, and global random states."""
        prints: dict[str, str] = {name: repr(value) for name, value in self.state().items()}
        for number, root in enumerate(self.modules()):
            for name, tensor in (*root.named_parameters(), *root.named_buffers()):
                told = tensor[: self.vocabulary] if name.endswith("token_embedding.weight") else tensor
                content = told.detach().contiguous().flatten().view(torch.uint8).cpu().numpy().tobytes()
                facts = (tensor.requires_grad, tensor.dtype, tensor.device, tensor.grad is None, tensor.is_inference())
                prints[f"{number} {name}"] = f"{facts} {hashlib.sha256(content).hexdigest()}"
            for name, module in root.named_modules():
                prints[f"{number} module {name}"] = repr(_facts(module))
        states = (random.getstate(), np.random.get_state(), torch.random.get_rng_state().tolist(), self._card_state())
        prints["random"] = hashlib.sha256(repr(states).encode()).hexdigest()
        return prints

    def _card_state(self) -> list[int] | None:
        """The random state of the device that the model lies on, where that is not the CPU."""
        devices = {weight.device.type for root in self.modules() for weight in root.parameters()} - {"cpu"}
        return torch.get_device_module(devices.pop()).get_rng_state().tolist() if devices else None

    def live(self, name: str = "tix3", rows: int = 3) -> dict[str, Vectors]:
        """The embedding that the reference values were computed with, its vectors asking for gradients."""
        with self.host.lease(LeaseRequest()) as lease:
            widths = {key: encoder.width for key, encoder in lease.encoders.items()}
        suffixes = {"clip_l": " l", "clip_g": " g"} if self.family == "sdxl" else dict.fromkeys(widths, "")
        return {
            name: {
                key: embedding_vectors(name + suffixes[key], rows, width).requires_grad_()
                for key, width in widths.items()
            }
        }

    def config(self, **changes: Any) -> TrainConfig:
        pictures, templates = self.folder / "pictures", self.folder / "templates"
        if not pictures.is_dir():
            pictures.mkdir(parents=True)
            for index, colour in enumerate([(200, 40, 40), (30, 60, 200), (220, 200, 60)]):
                Image.new("RGB", (64, 64), colour).save(pictures / f"{index}.png")
                (pictures / f"{index}.txt").write_text(f"a ball, tag{index}, plain, large")
            templates.mkdir()
            (templates / "plain.txt").write_text("a photo of [name]\n[name], [filewords]\n")
        return TrainConfig.from_mapping(
            {
                "name": "contract1",
                "data": [str(pictures)],
                "template": str(templates / "plain.txt"),
                "steps": STEPS,
                "batch_size": 2,
                "width": 64,
                "height": 64,
                "learning_rate": "0.005",
                "log_dir": str(self.folder / "log"),
                "save_every": 10,
                "image_every": 10,
                "preview_steps": 3,
                "evaluate_every": 0,
                "csv_every": 1,
                "seed": 5,
                **changes,
            }
        )


def _facts(module: torch.nn.Module) -> tuple[object, ...]:
    hooks = {
        key: len(value) if hasattr(value, "__len__") else value for key, value in vars(module).items() if "hook" in key
    }
    own = sorted((key, id(value)) for key, value in vars(module).items() if callable(value))
    methods = sorted((key, id(value)) for key, value in vars(type(module)).items() if callable(value))
    trainable = vars(module).get("is_trainable"), vars(module).get("padding_mode")
    return module.training, hooks, own, methods, trainable


@cache
def reference(variant: str) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
    """What AUTOMATIC1111's own code computes with a checkpoint; None where nothing was recorded."""
    if variant not in _FILES:
        return None
    with np.load(REFERENCE / f"{_FILES[variant]}.npz") as arrays:
        tensors = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    return tensors, json.loads((REFERENCE / f"{_FILES[variant]}.json").read_text(encoding="utf-8"))


def work(lease: Lease, live: dict[str, Vectors]) -> None:
    """Everything a run does."""
    moments = lease.encode_images(torch.zeros(1, 3, 64, 64, device=lease.device))
    lease.park_vae()
    conditioning = lease.encode_prompts(["a (red:1.2) tix3"], embeddings=live, width=64, height=64)
    lease.predict(moments.mean, torch.tensor([500], device=lease.device), conditioning).square().mean().backward()
    lease.picture(PictureRequest(prompt="tix3", steps=2, width=64, height=64), embeddings=live)


def differences(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """What is not as it was, by name."""
    return {name: (before.get(name), after.get(name)) for name in before | after if before.get(name) != after.get(name)}


def mark(weight: torch.nn.Parameter, flag: bool) -> None:
    """Have a weight of the host ask for a gradient, or not; one that was made in inference mode can be told only there."""
    with torch.inference_mode(weight.is_inference()):
        weight.requires_grad_(flag)


def write(bench: Bench, name: str, vectors: Vectors) -> Path:
    """The vectors as a file of the host's embeddings folder, in its usual form."""
    plain = {key: rows.detach() for key, rows in vectors.items()}
    if len(plain) == 1:
        plain = {ANY_ENCODER: next(iter(plain.values()))}
    path = bench.host.embeddings_dir / f"{name}{'.pt' if len(plain) == 1 else '.safetensors'}"
    write_embedding(Embedding(vectors=plain, name=name, step=1), path)
    return path

"""name@step in the standalone host: the copy's vectors, its hash, and words where there is no copy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tiny_models import make_tiny_checkpoint

from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import write_embedding
from textual_inversion.core.model.host import LeaseRequest, PictureRequest
from textual_inversion.core.record.kept_steps import StepCopies
from textual_inversion.hosts.file_hash import sha256
from textual_inversion.hosts.standalone import StandaloneHost
from textual_inversion.hosts.standalone.lease import StandaloneLease


def _write(path: Path, width: int, *, seed: int, rows: int = 2) -> None:
    vectors = torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))
    write_embedding(Embedding(vectors={"*": vectors}, step=seed), path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("steps")


@pytest.fixture(scope="module")
def lease(folder: Path) -> Iterator[StandaloneLease]:
    """With an embedding ``thing`` whose run kept the steps 150 and 1500."""
    checkpoint = make_tiny_checkpoint(folder / "model.safetensors", family="sd1")
    host = StandaloneHost(
        checkpoint=checkpoint,
        embeddings_dir=folder / "embeddings",
        device="cpu",
        copies=StepCopies(lambda: [folder / "log"]),
    )
    width = next(iter(host.load().encoders.values())).width
    run = folder / "log" / "2024-01-01" / "thing"
    for step in (150, 1500):
        _write(run / "embeddings" / f"thing-{step}.pt", width, seed=step)
    _write(run / "embeddings" / "thing-7.pt", width + 8, seed=7)
    _write(run / "embeddings" / "thing-1500-neg.pt", width, seed=3, rows=3)
    halves = [Embedding(vectors={"*": torch.full((2, width), value)}, step=30) for value in (0.1, 0.2)]
    write_embedding(halves[0], run / "image_embeddings" / "thing-30.png", partner=halves[1])
    for name, half in zip(("carried", "carried2"), halves, strict=True):
        write_embedding(half, folder / "embeddings" / f"{name}.pt")
    _write(folder / "embeddings" / "negative.pt", width, seed=3, rows=3)
    (run / "run.json").write_text(json.dumps({"config": {"name": "thing"}}))
    _write(folder / "embeddings" / "thing.pt", width, seed=1500)
    for step in (150, 1500):
        _write(folder / "embeddings" / f"copy{step}.pt", width, seed=step)
    with host.lease(LeaseRequest()) as lent:
        yield lent


def _context(lease: StandaloneLease, prompt: str) -> torch.Tensor:
    with torch.no_grad():
        return lease.encode_prompts([prompt], embeddings={}, width=64, height=64).context


@pytest.mark.parametrize(
    ("prompt", "same"),
    [
        ("a thing@150", "a copy150"),
        ("a thing@1500", "a copy1500"),
        ("a Thing@1500, red", "a copy1500, red"),
        ("thing@150 and thing@1500", "copy150 and copy1500"),
        ("(thing@150:1.3) BREAK [thing@1500]", "(copy150:1.3) BREAK [copy1500]"),
        ("thing@150 thing", "copy150 copy1500"),
        ("a thing-neg@1500", "a negative"),
        ("thing@30, thing-neg@30", "carried, carried2"),
    ],
)
def test_a_step_is_its_copy(lease: StandaloneLease, prompt: str, same: str) -> None:
    assert torch.equal(_context(lease, prompt), _context(lease, same))


def test_an_unknown_step_is_words(lease: StandaloneLease) -> None:
    assert not torch.equal(_context(lease, "a thing@15"), _context(lease, "a thing"))
    assert lease.encode_prompts(["a thing@15"], embeddings={}, width=64, height=64).context.shape[1] == 77
    live = {"thing": {"clip_l": torch.zeros(2, lease.encoders["clip_l"].width)}}
    assert lease.encode_prompts(["a thing@15"], embeddings=live, width=64, height=64).inserted == (0,)
    assert lease.encode_prompts(["a thing @15"], embeddings=live, width=64, height=64).inserted == (2,)


def test_pictures_tell_hashes_and_what_was_not_found(lease: StandaloneLease, folder: Path) -> None:
    request = PictureRequest(prompt="thing@150 thing@15 thing@7", negative_prompt="thing", steps=1, width=64, height=64)
    picture = lease.picture(request, embeddings={})
    copy, last = folder / "log/2024-01-01/thing/embeddings/thing-150.pt", folder / "embeddings/thing.pt"
    for name, path in (("thing@150", copy), ("thing", last)):
        assert f"{name}: {sha256(path)[:12]}" in picture.infotext.split("TI hashes")[1]
    assert picture.infotext.startswith("thing@150 thing@15 thing@7\n")
    assert "thing@15: no copy of step 15 was found" in picture.warnings[0]
    assert "was made for another kind of model" in picture.warnings[1]


def test_an_embedding_that_is_called_so_is_meant(lease: StandaloneLease, folder: Path) -> None:
    live = {"thing@150": {"clip_l": torch.zeros(3, lease.encoders["clip_l"].width)}}
    assert lease.encode_prompts(["thing@150"], embeddings=live, width=64, height=64).inserted == (3,)

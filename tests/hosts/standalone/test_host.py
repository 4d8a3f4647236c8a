"""The host around the model: its folders, its device, its embeddings by name."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import torch
from tiny_models import make_tiny_checkpoint

from textual_inversion.core.base.errors import LeaseError
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.embeddings_folder.find import find_embedding
from textual_inversion.core.formats import write_embedding
from textual_inversion.core.model.host import LeaseRequest, PictureRequest
from textual_inversion.hosts.standalone import StandaloneHost
from textual_inversion.hosts.standalone.device import choose_device, unet_dtype, unused_card
from textual_inversion.hosts.standalone.text.embeddings import EmbeddingLibrary


def embedding(value: float, *, width: int = 64, name: str | None = None) -> Embedding:
    return Embedding(vectors={"*": torch.full((2, width), value)}, name=name, step=1)


@pytest.fixture
def host(tmp_path: Path) -> StandaloneHost:
    folder = tmp_path / "embeddings"
    folder.mkdir()
    path = make_tiny_checkpoint(tmp_path / "model.safetensors")
    return StandaloneHost(checkpoint=path, embeddings_dir=folder, device="cpu")


def context(host: StandaloneHost, prompt: str, **live: dict[str, torch.Tensor]) -> torch.Tensor:
    with host.lease(LeaseRequest()) as lease:
        return lease.encode_prompts([prompt], embeddings=live, width=64, height=64).context


def test_files_of_the_folder_are_known_by_name_and_live_vectors_win(host: StandaloneHost) -> None:
    write_embedding(embedding(0.3), host.embeddings_dir / "tix.pt")
    (host.embeddings_dir / "more").mkdir()
    write_embedding(embedding(0.3, width=48), host.embeddings_dir / "more" / "wide.pt")
    (host.embeddings_dir / "broken.pt").write_bytes(b"no")
    assert host.embedding_names() == {"tix", "wide"}
    by_file = context(host, "a tix")
    assert torch.equal(by_file, context(host, "a tix", tix={"clip_l": torch.full((2, 64), 0.3)}))
    assert not torch.equal(by_file, context(host, "a tix", tix={"clip_l": torch.full((2, 64), 0.9)}))
    library = EmbeddingLibrary(host.embeddings_dir)
    assert list(library.problems()) == [host.embeddings_dir / "broken.pt"]
    assert context(host, "a wide").shape == (1, 77, 64)


def test_of_two_files_with_one_name_the_folders_own_comes_first(host: StandaloneHost) -> None:
    """As in training, or a picture would show another embedding than the one that was trained."""
    (host.embeddings_dir / "aside").mkdir()
    write_embedding(embedding(0.1), host.embeddings_dir / "aside" / "tix.pt")
    write_embedding(embedding(0.2), host.embeddings_dir / "tix.pt")
    write_embedding(embedding(0.3), host.embeddings_dir / "tix.bin")
    write_embedding(embedding(0.4, name="tix"), host.embeddings_dir / "a.png")
    library = EmbeddingLibrary(host.embeddings_dir)
    assert library.entries()["tix"].path == find_embedding(host.embeddings_dir, "tix") == host.embeddings_dir / "tix.pt"


def test_linked_folders_are_looked_into(host: StandaloneHost, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    write_embedding(embedding(0.1), tmp_path / "elsewhere" / "far.pt")
    try:
        (host.embeddings_dir / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
        (tmp_path / "elsewhere" / "back").symlink_to(host.embeddings_dir, target_is_directory=True)
    except OSError:
        pytest.skip("no links here")
    assert host.embedding_names() == {"far"}


def test_its_own_precision_stands_where_a_request_leaves_it_open(host: StandaloneHost) -> None:
    chosen = StandaloneHost(
        checkpoint=host.checkpoint, embeddings_dir=host.embeddings_dir, device="cpu", precision="bfloat16"
    )
    assert chosen.load().unet_dtype == torch.bfloat16
    assert chosen.load(LeaseRequest()) is chosen.load()
    assert chosen.load(LeaseRequest(precision="float32")).unet_dtype == torch.float32
    with pytest.raises(LeaseError, match="'half' is no precision"):
        StandaloneHost(embeddings_dir=host.embeddings_dir, device="cpu", precision="half")  # type: ignore[arg-type]


def test_a_published_file_is_read_again_at_once(host: StandaloneHost) -> None:
    path = host.embeddings_dir / "tix.pt"
    write_embedding(embedding(0.3), path)
    status = path.stat()
    old = context(host, "a tix")
    write_embedding(embedding(0.7), path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    host.publish(path)
    assert not torch.equal(context(host, "a tix"), old)


def test_infotext_names_the_embedding_files_that_were_used(host: StandaloneHost) -> None:
    write_embedding(embedding(0.3), host.embeddings_dir / "tix.pt")
    write_embedding(embedding(0.3), host.embeddings_dir / "other.pt")
    request = PictureRequest(prompt="a tix", steps=1, width=64, height=64)
    with host.lease(LeaseRequest()) as lease:
        picture = lease.picture(request, embeddings={})
        live = lease.picture(request, embeddings={"tix": {"clip_l": torch.ones(1, 64)}})
    digest = EmbeddingLibrary(host.embeddings_dir).entries()["tix"].short_hash
    assert f'TI hashes: "tix: {digest}"' in picture.infotext
    assert "TI hashes" not in live.infotext


def test_the_host_tells_sizes_and_folders(host: StandaloneHost) -> None:
    assert host.native_size == 64
    assert host.template_dirs[-1].name == "templates"
    assert host.checkpoint.name == "model.safetensors"


def test_guesses_about_a_checkpoint_without_a_config_are_told(tmp_path: Path) -> None:
    path = make_tiny_checkpoint(tmp_path / "m.safetensors", config=False)
    host = StandaloneHost(checkpoint=path, embeddings_dir=tmp_path, device="cpu")
    host.load()
    assert any("no .yaml beside it" in notice for notice in host.notices)


def test_devices_that_cannot_be_used_are_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert choose_device() == choose_device("auto") == torch.device("cpu")
    for name, message in (
        ("tpu9", "'tpu9' is no device"),
        ("cuda", "no NVIDIA card"),
        ("mps", "MPS cannot"),
        ("meta", "not supp"),
    ):
        with pytest.raises(LeaseError, match=message):
            choose_device(name)


@pytest.mark.parametrize(
    ("cuda", "message"), [(None, "built without CUDA"), ("12.4", r"built for CUDA 12\.4\) cannot use it")]
)
def test_a_card_that_torch_cannot_use_is_named(
    cuda: str | None, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert unused_card(tmp_path / "absent") is None
    sentence = unused_card(tmp_path)
    assert sentence is not None
    assert re.search(message, sentence)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert unused_card(tmp_path) is None


def test_precision_follows_the_device() -> None:
    assert unet_dtype("auto", torch.device("cpu")) == torch.float32
    assert unet_dtype("auto", torch.device("mps")) == torch.float32
    assert unet_dtype("auto", torch.device("cuda")) == torch.float16
    assert unet_dtype("bfloat16", torch.device("cpu")) == torch.bfloat16
    with pytest.raises(LeaseError, match="'int8' is no precision; use auto, float32, float16, bfloat16"):
        unet_dtype("int8", torch.device("cpu"))  # type: ignore[arg-type]

"""A run's own choice of VAE: it encodes and decodes, and the model is afterwards what it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from host_bench import Bench, differences
from safetensors.torch import save_file

from textual_inversion.core.base.errors import FileFormatError, InputError
from textual_inversion.core.model.host import LeaseRequest, Picture, PictureRequest
from textual_inversion.hosts.standalone import StandaloneHost
from textual_inversion.hosts.standalone.checkpoint.ldm_keys import squeezed_keys, vae_keys

HostOf = Callable[[str], StandaloneHost]


def other_vae(host: StandaloneHost) -> dict[str, torch.Tensor]:
    """The checkpoint's VAE with every weight a little larger, by diffusers' names."""
    state = host.load().networks.vae.state_dict()
    return {name: (tensor * 1.1 + 0.01).contiguous() for name, tensor in state.items()}


def ldm(host: StandaloneHost, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    names, squeezed = vae_keys(host.load().layout.vae.shape), squeezed_keys()
    return {old: weights[new][..., None, None] if old in squeezed else weights[new] for old, new in names.items()}


def old_names(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    pairs = [(".to_q.", ".query."), (".to_k.", ".key."), (".to_v.", ".value."), (".to_out.0.", ".proj_attn.")]

    def old(name: str) -> str:
        for new, former in pairs:
            name = name.replace(new, former)
        return name

    return {old(name): tensor for name, tensor in weights.items()}


def results(host: StandaloneHost, vae: str) -> tuple[torch.Tensor, Picture]:
    pixels = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)
    with host.lease(LeaseRequest(vae=vae)) as lease:
        mean = lease.encode_images(pixels).mean
        return mean, lease.picture(PictureRequest(prompt="a cat", steps=1, width=32, height=32), embeddings={})


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_another_vae_makes_other_latents_and_previews_and_leaves_the_model_as_it_was(
    kind: str, host_of: HostOf, tmp_path: Path
) -> None:
    host = host_of(kind)
    weights = other_vae(host)
    save_file(weights, tmp_path / "diffusers.safetensors")
    save_file(old_names(weights), tmp_path / "old.safetensors")
    torch.save({"state_dict": {**ldm(host, weights), "loss.x": torch.ones(1)}}, tmp_path / "kl.vae.pt")
    torch.save({f"first_stage_model.{key}": value for key, value in ldm(host, weights).items()}, tmp_path / "in.ckpt")
    own, picture = results(host, "")
    bench = Bench(host=host, variant=kind, folder=tmp_path, modules=host.load().modules)
    before = bench.fingerprint()
    files = ["diffusers.safetensors", "old.safetensors", "kl.vae.pt", "in.ckpt"]
    others = [results(host, str(tmp_path / file)) for file in files]
    assert differences(before, bench.fingerprint()) == {}
    assert not torch.allclose(others[0][0], own)
    assert others[0][1].image.tobytes() != picture.image.tobytes()
    for mean, made in others[1:]:
        assert torch.equal(mean, others[0][0])
        assert made.image.tobytes() == others[0][1].image.tobytes()
    assert torch.equal(results(host, "None")[0], own)
    assert torch.equal(results(host, "")[0], own)


def test_what_is_no_vae_for_this_checkpoint_is_told_beside_the_field(host_of: HostOf, tmp_path: Path) -> None:
    host = host_of("sd1")
    weights = other_vae(host)
    narrow = {**weights, "encoder.conv_in.weight": torch.zeros(8, 3, 3, 3)}
    save_file(narrow, tmp_path / "narrow.safetensors")
    save_file({"a": torch.ones(1)}, tmp_path / "stranger.safetensors")
    (tmp_path / "broken.pt").write_bytes(b"<html>")
    cases: list[tuple[str, type[InputError], str]] = [
        ("missing.pt", InputError, "There is no VAE file at .*missing.pt. Give the path of one .*, or None for"),
        (
            "narrow.safetensors",
            FileFormatError,
            r"does not fit this checkpoint: encoder.conv_in.weight has shape \[8, 3",
        ),
        ("stranger.safetensors", FileFormatError, "does not fit this checkpoint: .* is not there"),
        ("broken.pt", FileFormatError, "broken.pt cannot be read as a model: it is a web page"),
    ]
    for file, kind, words in cases:
        with pytest.raises(kind, match=words) as raised, host.lease(LeaseRequest(vae=str(tmp_path / file))):
            pass
        assert raised.value.field == "vae"
    with host.lease(LeaseRequest()) as lease:
        lease.check()

"""Prompts to conditioning, with live vectors in the lookup; gradients against finite differences."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import open_clip
import pytest
import torch
from open_clip.transformer import TextTransformer
from safetensors.torch import load_file
from torch import Tensor

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.model.host import Conditioning, LeaseRequest
from textual_inversion.hosts.recompute.recomputation import Recomputation
from textual_inversion.hosts.standalone import StandaloneHost
from textual_inversion.hosts.standalone.lease import StandaloneLease
from textual_inversion.hosts.standalone.loading import load_model
from textual_inversion.hosts.standalone.text.conditioning import PromptEncoder, size_vector
from textual_inversion.hosts.standalone.text.embeddings import EmbeddingLibrary
from textual_inversion.hosts.standalone.text.text import emphasised

HostOf = Callable[[str], StandaloneHost]
LONG = "cat, " * 60


def vectors(host: StandaloneHost, rows: int = 2, *, seed: int = 1) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    widths = {key: encoder.width for key, encoder in host.load().encoders.items()}
    return {key: torch.randn(rows, width, generator=generator) * 0.5 for key, width in widths.items()}


def encode(host: StandaloneHost, *prompts: str, clip_skip: int = 1, **live: dict[str, Tensor]) -> Conditioning:
    with host.lease(LeaseRequest(clip_skip=clip_skip)) as lease:
        return lease.encode_prompts(prompts, embeddings=live, width=64, height=64)


@pytest.mark.parametrize("kind", ["sd1", "sd2-v", "sdxl"])
def test_a_batch_is_its_prompts_one_by_one(kind: str, host_of: HostOf) -> None:
    host = host_of(kind)
    live = vectors(host)
    prompts = ["a (tix:1.3) photo", "[plain]", "a (tix:1.3) photo", ""]
    batch = encode(host, *prompts, tix=live)
    assert batch.inserted == (2, 0, 2, 0)
    for row, prompt in enumerate(prompts):
        alone = encode(host, prompt, tix=live)
        torch.testing.assert_close(batch.context[row], alone.context[0], rtol=1e-4, atol=1e-5)
        if batch.vector is not None and alone.vector is not None:
            torch.testing.assert_close(batch.vector[row], alone.vector[0], rtol=1e-4, atol=1e-5)


def test_shorter_prompts_are_padded_with_empty_chunks(host_of: HostOf) -> None:
    host = host_of("sd1")
    batch = encode(host, "dog", LONG)
    empty = encode(host, "")
    assert batch.context.shape == (2, 2 * 77, 64)
    torch.testing.assert_close(batch.context[0, 77:], empty.context[0], rtol=1e-4, atol=1e-5)


def test_vectors_of_a_words_own_row_change_nothing(host_of: HostOf) -> None:
    host = host_of("sd1")
    encoder = host.load().encoders["clip_l"]
    live = {"clip_l": encoder.table()[encoder.tokenize("cat")]}
    with_name, with_word = encode(host, "a zzyx photo", zzyx=live), encode(host, "a cat photo")
    torch.testing.assert_close(with_name.context, with_word.context)
    assert (with_name.inserted, with_word.inserted) == ((1,), (0,))


def test_clip_skip_takes_an_earlier_layer_through_the_last_norm(host_of: HostOf) -> None:
    host = host_of("sd1")
    encoder = host.load().encoders["clip_l"]
    body = getattr(encoder.model, "text_model", encoder.model)
    outputs: list[Tensor] = []
    handle = body.encoder.layers[0].register_forward_hook(
        lambda _m, _i, out: outputs.append(out if isinstance(out, Tensor) else out[0])
    )
    skipped = encode(host, "a cat", clip_skip=2)
    handle.remove()
    torch.testing.assert_close(skipped.context, body.final_layer_norm(outputs[0]))
    assert not torch.allclose(skipped.context, encode(host, "a cat").context)
    sd2 = host_of("sd2-v")
    assert torch.equal(encode(sd2, "a cat", clip_skip=2).context, encode(sd2, "a cat").context)


def test_emphasis_multiplies_and_restores_the_mean() -> None:
    hidden = torch.randn(2, 77, 8, generator=torch.Generator().manual_seed(0)) + 0.3
    weights = torch.ones(2, 77)
    weights[1, 5] = 1.5
    result = emphasised(hidden, weights)
    assert torch.equal(result[0], hidden[0])
    torch.testing.assert_close(result[1].mean(), hidden[1].mean())
    torch.testing.assert_close(result[1, 5] / hidden[1, 5], (result[1, 4] / hidden[1, 4]) * 1.5)


def open_clip_tower(host: StandaloneHost, prefix: str) -> TextTransformer:
    """open_clip's own text encoder with the checkpoint's weights."""
    tower = TextTransformer(width=64, heads=1, layers=2, output_dim=64, pool_type="argmax", output_tokens=True)
    assert host.checkpoint is not None
    state = {k.removeprefix(prefix): v for k, v in load_file(host.checkpoint).items() if k.startswith(prefix)}
    state.pop("logit_scale")
    missing = tower.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys
    assert set(missing.missing_keys) <= {"attn_mask"}
    return tower.eval()


@torch.no_grad()
def test_sd2s_encoder_is_open_clips(host_of: HostOf) -> None:
    host = host_of("sd2-v")
    tower = open_clip_tower(host, "cond_stage_model.model.")
    tokens = open_clip.tokenizer.tokenize("a photo of a cat")
    x = tower.token_embedding(tokens) + tower.positional_embedding
    x = tower.transformer.resblocks[0](x, attn_mask=tower.attn_mask)  # the penultimate of two
    torch.testing.assert_close(encode(host, "a photo of a cat").context, tower.ln_final(x), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_sdxls_second_encoder_is_open_clips_with_its_pooled_output(host_of: HostOf) -> None:
    host = host_of("sdxl")
    tower = open_clip_tower(host, "conditioner.embedders.1.model.")
    conditioning = encode(host, "a photo of a cat")
    pooled, _ = tower(open_clip.tokenizer.tokenize("a photo of a cat"))
    assert conditioning.vector is not None
    torch.testing.assert_close(conditioning.vector[:, :64], pooled, rtol=1e-4, atol=1e-5)
    assert torch.equal(conditioning.vector[0, 64:], size_vector(64, 64))
    assert conditioning.context.shape == (1, 77, 32 + 64)


def test_sdxls_sizes_are_height_first() -> None:
    sizes = size_vector(128, 64).reshape(6, 256)
    assert torch.equal(sizes[0], sizes[4])
    assert sizes[0, 0].item() == pytest.approx(torch.tensor(64.0).cos().item(), abs=1e-5)
    assert sizes[1, 128].item() == pytest.approx(torch.tensor(128.0).sin().item(), abs=1e-5)


def test_the_lookup_is_as_before_after_an_error(host_of: HostOf) -> None:
    host = host_of("sd1")
    with pytest.raises(RuntimeError), host.lease(LeaseRequest()) as lease:
        lease.encoders["clip_l"].encode(
            lease.encoders["clip_l"].chunks("tix", names=_names(lease)), {"tix": torch.ones(2, 3)}
        )
    lookup = host.load().encoders["clip_l"]._lookup
    assert not lookup._forward_hooks


def _names(lease: StandaloneLease):
    from textual_inversion.hosts.standalone.text.prompts import NameIndex

    return NameIndex([("tix", lease.encoders["clip_l"].tokenize("tix"), 2)])


def test_vectors_of_the_wrong_width_are_refused(host_of: HostOf) -> None:
    with pytest.raises(
        InputError, match=r"'tix' has widths \{'clip_l': 5\}; the loaded checkpoint wants \{'clip_l': 64\}"
    ):
        encode(host_of("sd1"), "tix", tix={"clip_l": torch.ones(1, 5)})


@pytest.mark.parametrize("kind", ["sd1", "sd2-v", "sdxl"])
def test_the_gradient_is_that_of_finite_differences(kind: str, host_of: HostOf) -> None:
    host = host_of(kind)
    model = load_model(host.checkpoint, device=torch.device("cpu"), unet_dtype=torch.float64)
    for module in model.modules():
        module.double()
    projections = {
        key: dataclasses.replace(tower, projection=None if tower.projection is None else tower.projection.double())
        for key, tower in model.networks.text.items()
    }
    assert projections.keys() == model.encoders.keys()
    lease = StandaloneLease(
        model,
        request=LeaseRequest(),
        library=EmbeddingLibrary(host.embeddings_dir / "none"),
        recomputation=Recomputation(model.networks.unet, "none"),
        still_loaded=lambda: True,
    )
    live = {key: tensor.double().requires_grad_() for key, tensor in vectors(host).items()}
    generator = torch.Generator().manual_seed(5)
    noisy = torch.randn(2, 4, 8, 8, generator=generator, dtype=torch.float64)

    def loss() -> Tensor:
        prompts = ["a (tix:1.4) in a park", f"[{LONG}] tix"]
        conditioning = lease.encode_prompts(prompts, embeddings={"tix": live}, width=64, height=64)
        return lease.predict(noisy, torch.tensor([3, 700]), conditioning).square().sum()

    gradients = torch.autograd.grad(loss(), list(live.values()))
    assert all(weight.grad is None for module in model.modules() for weight in module.parameters())
    for (key, tensor), gradient in zip(live.items(), gradients, strict=True):
        direction = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            values = []
            for sign in (1, -1):
                tensor += sign * 1e-5 * direction
                values.append(loss().item())
                tensor -= sign * 1e-5 * direction
        slope = (values[0] - values[1]) / 2e-5
        assert slope == pytest.approx((gradient * direction).sum().item(), rel=1e-5), key


def test_names_in_prompts_are_found_in_order(host_of: HostOf) -> None:
    host = host_of("sd1")
    prompts = PromptEncoder(host.load().encoders)
    live = {"tix": vectors(host), "zzyx": vectors(host), "absent": vectors(host)}
    assert prompts.names_in(["a zzyx", "(tix:2) zzyx"], live=live, files={}) == ["zzyx", "tix"]


def test_encoders_in_half_precision_give_float32_near_the_full_ones(host_of: HostOf) -> None:
    """As SDXL's run on a card."""
    host = host_of("sdxl")
    full = encode(host, "a (tix:1.2)", tix=vectors(host))
    model = load_model(host.checkpoint, device=torch.device("cpu"), unet_dtype=torch.float32)
    for tower in model.networks.text.values():
        tower.model.to(torch.bfloat16)
    live = {key: tensor.requires_grad_() for key, tensor in vectors(host).items()}
    half = PromptEncoder(model.encoders).encode(
        ["a (tix:1.2)"], live={"tix": live}, files={}, clip_skip=1, size=(64, 64)
    )
    assert half.context.dtype == torch.float32
    torch.testing.assert_close(half.context, full.context, rtol=0.1, atol=0.1)
    half.context.square().sum().backward()
    assert all(tensor.grad is not None and tensor.grad.dtype == torch.float32 for tensor in live.values())

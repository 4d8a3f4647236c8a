"""Lending the model: what is lent works, and everything is put back on every way out."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_models import make_tiny_checkpoint

from textual_inversion.core.base.errors import InputError, LeaseError
from textual_inversion.core.model.host import LeaseRequest, PictureRequest
from textual_inversion.hosts.standalone import StandaloneHost
from textual_inversion.hosts.standalone.lease import StandaloneLease
from textual_inversion.hosts.standalone.loading import LoadedModel

HostOf = Callable[[str], StandaloneHost]
KINDS = ["sd1", "sd1-inpainting", "sd2-v", "sdxl"]


def fingerprint(model: LoadedModel) -> dict[str, str]:
    """Of weights, buffers, flags, modes, hooks, instance attributes, the classes' own, and global random states."""
    prints: dict[str, str] = {}

    def note(name: str, *values: object) -> None:
        data = [value if isinstance(value, bytes) else repr(value).encode() for value in values]
        prints[name] = hashlib.sha256(b"|".join(data)).hexdigest()

    for number, root in enumerate(model.modules()):
        for name, tensor in (*root.named_parameters(), *root.named_buffers()):
            content = tensor.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes()
            note(f"{number} {name}", tensor.requires_grad, tensor.dtype, tensor.device, tensor.grad is None, content)
        for name, module in root.named_modules():
            hooks = {k: len(v) if hasattr(v, "__len__") else v for k, v in vars(module).items() if "hook" in k}
            own = sorted((key, id(value)) for key, value in vars(module).items() if callable(value))
            methods = sorted((key, id(value)) for key, value in vars(type(module)).items() if callable(value))
            checkpointing = getattr(module, "gradient_checkpointing", None)
            note(f"{number} module {name}", module.training, hooks, own, methods, checkpointing)
    note("random", random.getstate(), np.random.get_state(), torch.random.get_rng_state().numpy().tobytes())
    return prints


def work(lease: StandaloneLease) -> None:
    """Everything a run does."""
    live = {
        key: torch.randn(2, e.width, generator=torch.Generator().manual_seed(0)) for key, e in lease.encoders.items()
    }
    moments = lease.encode_images(torch.zeros(1, 3, 64, 64))
    lease.park_vae()
    leaves = {key: tensor.requires_grad_() for key, tensor in live.items()}
    conditioning = lease.encode_prompts(["a tix"], embeddings={"tix": leaves}, width=64, height=64)
    prediction = lease.predict(moments.mean, torch.tensor([500]), conditioning)
    prediction.square().mean().backward()
    assert all(leaf.grad is not None and leaf.grad.abs().sum() > 0 for leaf in leaves.values())
    request = PictureRequest(prompt="tix", steps=2, width=64, height=64)
    lease.picture(request, embeddings={"tix": {key: leaf.detach() for key, leaf in leaves.items()}})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", [None, RuntimeError, KeyboardInterrupt, torch.cuda.OutOfMemoryError])
def test_leaving_puts_everything_back(kind: str, end: type[BaseException] | None, host_of: HostOf) -> None:
    host = host_of(kind)
    model = host.load()
    flagged = next(model.networks.unet.parameters())
    flagged.requires_grad_(True)
    model.networks.vae.train()
    before = fingerprint(model)
    try:
        with host.lease(LeaseRequest(recompute="full")) as lease:
            assert not any(weight.requires_grad for module in model.modules() for weight in module.parameters())
            assert not any(part.training for module in model.modules() for part in module.modules())
            work(lease)
            if end is not None:
                raise end
    except (RuntimeError, KeyboardInterrupt) as error:
        assert type(error) is end  # noqa: PT017
    after = fingerprint(model)
    assert [name for name in before | after if before.get(name) != after.get(name)] == []
    flagged.requires_grad_(False)
    model.networks.vae.eval()


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_lease_tells(kind: str, host_of: HostOf) -> None:
    host = host_of(kind)
    with host.lease(LeaseRequest()) as lease:
        assert lease.family == kind[:3].replace("sdx", "sdxl")
        assert lease.schedule.prediction_type == ("v_prediction" if kind == "sd2-v" else "epsilon")
        assert lease.schedule.alphas_cumprod.dtype == torch.float64
        assert lease.schedule.alphas_cumprod[-1] < 0.01 < 0.99 < lease.schedule.alphas_cumprod[0]
        assert lease.checkpoint.name == kind
        assert len(lease.checkpoint.sha256 or "") == 64
        assert not lease.needs_loss_scaling
        expected = {"sd1": ["clip_l"], "sd2": ["clip_h"], "sdxl": ["clip_l", "clip_g"]}[lease.family]
        assert list(lease.encoders) == expected
        for encoder in lease.encoders.values():
            assert encoder.table().shape == (49408, encoder.width)
            words = encoder.encode_words("red cat")
            assert words.shape == (2, encoder.width)
            assert not words.requires_grad
            assert encoder.token_text(encoder.tokenize("cat")[0]) == "cat"


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_are_float32_and_each_its_own(kind: str, host_of: HostOf) -> None:
    with host_of(kind).lease(LeaseRequest()) as lease:
        noisy = torch.randn(2, 4, 8, 4, generator=torch.Generator().manual_seed(1))
        steps = torch.tensor([1, 900])
        both = lease.encode_prompts(["cat", "dog"], embeddings={}, width=32, height=64)
        one = lease.encode_prompts(["dog"], embeddings={}, width=32, height=64)
        batch = lease.predict(noisy, steps, both)
        assert batch.dtype == torch.float32
        torch.testing.assert_close(lease.predict(noisy[1:], steps[1:], one), batch[1:], rtol=1e-4, atol=1e-5)


def test_an_inpainting_unet_is_given_a_mask_of_ones_and_a_grey_picture(host_of: HostOf) -> None:
    host = host_of("sd1-inpainting")
    seen: list[torch.Tensor] = []
    with host.lease(LeaseRequest()) as lease:
        handle = host.load().networks.unet.conv_in.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0]))
        conditioning = lease.encode_prompts(["cat"], embeddings={}, width=64, height=32)
        lease.predict(torch.randn(1, 4, 4, 8), torch.tensor([1]), conditioning)
        handle.remove()
        grey = lease.encode_images(torch.zeros(1, 3, 32, 64)).mean
    assert seen[0].shape == (1, 9, 4, 8)
    assert torch.equal(seen[0][:, 4], torch.ones(1, 4, 8))
    assert torch.equal(seen[0][:, 5:], grey)


def test_decoding_is_differentiable_and_encoding_scales(host_of: HostOf) -> None:
    with host_of("sd1").lease(LeaseRequest()) as lease:
        latents = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(1)).requires_grad_()
        pixels = lease.decode_latents(latents)
        pixels.mean().backward()
        assert pixels.shape == (1, 3, 32, 32)
        assert latents.grad is not None
        assert latents.grad.abs().sum() > 0
        moments = lease.encode_images(torch.zeros(2, 3, 32, 40))
        assert moments.mean.shape == moments.std.shape == (2, 4, 4, 5)
        raw = host_of("sd1").load().networks.vae.encode(torch.zeros(2, 3, 32, 40)).latent_dist
        torch.testing.assert_close(moments.mean, raw.mean * 0.25)
        torch.testing.assert_close(moments.std, raw.std * 0.25)
        with pytest.raises(InputError, match="multiples of 8"):
            lease.encode_images(torch.zeros(1, 3, 30, 32))


def test_what_is_computed_again_gives_the_same_gradient(host_of: HostOf) -> None:
    gradients = []
    for recompute in ("none", "selective", "full"):
        with host_of("sd1").lease(LeaseRequest(recompute=recompute)) as lease:
            live = torch.full((1, 64), 0.1, requires_grad=True)
            conditioning = lease.encode_prompts(["tix"], embeddings={"tix": {"clip_l": live}}, width=64, height=64)
            lease.predict(torch.ones(1, 4, 8, 8), torch.tensor([10]), conditioning).square().mean().backward()
            gradients.append(live.grad)
    assert torch.equal(gradients[0], gradients[1])
    assert torch.equal(gradients[0], gradients[2])


def test_one_lease_at_a_time(host_of: HostOf) -> None:
    host = host_of("sd1")
    with (
        host.lease(LeaseRequest()),
        pytest.raises(LeaseError, match="in use by another run"),
        host.lease(LeaseRequest()),
    ):
        pass
    with host.lease(LeaseRequest()):
        pass


def test_a_lease_that_is_over_or_whose_checkpoint_was_changed_says_so(tmp_path: Path) -> None:
    path = make_tiny_checkpoint(tmp_path / "first.safetensors")
    host = StandaloneHost(checkpoint=path, embeddings_dir=tmp_path, device="cpu")
    with host.lease(LeaseRequest()) as lease:
        lease.check()
        host.use_checkpoint(make_tiny_checkpoint(tmp_path / "second.safetensors", seed=1))
        with pytest.raises(LeaseError, match=r"first is no longer the loaded one"):
            lease.check()
    with host.lease(LeaseRequest()) as lease:
        assert lease.checkpoint.name == "second"
    with pytest.raises(LeaseError, match="the lease is over"):
        lease.encode_prompts(["cat"], embeddings={}, width=64, height=64)


def test_another_precision_is_lent_when_asked_for(tmp_path: Path) -> None:
    path = make_tiny_checkpoint(tmp_path / "m.safetensors")
    host = StandaloneHost(checkpoint=path, embeddings_dir=tmp_path, device="cpu")
    with host.lease(LeaseRequest(precision="bfloat16")) as lease:
        assert host.load().networks.unet.dtype == torch.bfloat16
        assert not lease.needs_loss_scaling
        low = lease.predict(torch.ones(1, 4, 8, 8), torch.tensor([5]), _cat(lease))
    with host.lease(LeaseRequest()) as lease:
        full = lease.predict(torch.ones(1, 4, 8, 8), torch.tensor([5]), _cat(lease))
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, full, rtol=0.1, atol=0.1)
    with host.lease(LeaseRequest(precision="float16")) as lease:
        assert lease.needs_loss_scaling


def _cat(lease: StandaloneLease):
    return lease.encode_prompts(["cat"], embeddings={}, width=64, height=64)


def test_a_checkpoint_that_is_not_there_frees_the_lease(tmp_path: Path) -> None:
    host = StandaloneHost(checkpoint=tmp_path / "absent.safetensors", embeddings_dir=tmp_path, device="cpu")
    for _ in range(2):
        with pytest.raises(LeaseError, match="There is no checkpoint at"), host.lease(LeaseRequest()):
            pass

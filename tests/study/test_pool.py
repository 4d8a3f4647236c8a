"""Trainings that share one batch of the U-Net give what each would give alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest
import torch
from shadow_host import standalone_on_shadow
from tiny_models import make_tiny_checkpoint

from textual_inversion.core.model.host import LeaseRequest
from textual_inversion.hosts.standalone import StandaloneHost
from textual_inversion.study.compiled import with_compiled_batches
from textual_inversion.study.pool import Pool, PooledLease


@pytest.fixture(scope="module", params=["cpu", "shadow"])
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneHost]:
    """On the second device as well: there all backward passes share one thread, as on a card."""
    folder = tmp_path_factory.mktemp("pool")
    with standalone_on_shadow() if request.param == "shadow" else nullcontext():
        yield StandaloneHost(
            checkpoint=make_tiny_checkpoint(folder / "tiny.safetensors"),
            embeddings_dir=folder / "e",
            device=request.param,
        )


def _steps(lease: object, member: int, steps: int, *, more_prompts: bool = False) -> list[torch.Tensor]:
    """Gradients of some steps of one training: its own name, prompts, latents and number of vectors. With ``more_prompts``
    its loss has a term of the text encoder alone."""
    torch.set_num_threads(1)
    name = f"zq{member:03d}"
    source = torch.Generator().manual_seed(member)
    width = lease.encoders["clip_l"].width  # type: ignore[attr-defined]
    rows = torch.randn(1 + member, width, generator=source, requires_grad=True)
    gradients = []
    for step in range(steps):
        noisy = torch.randn(2, 4, 8, 8, generator=source)
        prompts = [f"a photo of {name}", f"{name} number {step}"]
        context = lease.encode_prompts(prompts, embeddings={name: {"clip_l": rows}}, width=64, height=64)  # type: ignore[attr-defined]
        assert context.inserted == (1 + member,) * 2
        prediction = lease.predict(noisy, torch.tensor([10, 700]), context)  # type: ignore[attr-defined]
        loss = prediction.pow(2).mean()
        if more_prompts:
            plain = lease.encode_prompts([f"{name} alone"], embeddings={name: {"clip_l": rows}}, width=64, height=64)  # type: ignore[attr-defined]
            loss = loss + plain.context.pow(2).mean()
        (gradient,) = torch.autograd.grad(loss, rows)
        gradients.append(gradient)
        with torch.no_grad():  # as evaluations do, between steps
            lease.encode_prompts([name], embeddings={name: {"clip_l": rows}}, width=64, height=64)  # type: ignore[attr-defined]
    return gradients


def _assert_the_same_in_a_pool(host: StandaloneHost, steps: Callable[[object, int], list[torch.Tensor]]) -> None:
    """Three members' ``steps(lease, member)``, alone and together."""
    with host.lease(LeaseRequest(precision="float32")) as lease:
        alone = [steps(lease, member) for member in range(3)]
        pool = Pool(lease, members=3)

        def run(member: int) -> list[torch.Tensor]:
            with pool.taking_part():
                return steps(PooledLease(pool), member)

        with ThreadPoolExecutor(max_workers=3) as threads:
            together = list(threads.map(run, range(3)))
    for one, other in zip(alone, together, strict=True):
        for expected, found in zip(one, other, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)


def test_each_gets_its_own_gradients_also_when_others_end_before(host: StandaloneHost) -> None:
    _assert_the_same_in_a_pool(host, lambda lease, member: _steps(lease, member, 1 + member))


def test_members_that_ask_for_different_things_do_not_spoil_each_other_s_gradients(host: StandaloneHost) -> None:
    """They come back for the same joint computation at different meetings."""
    _assert_the_same_in_a_pool(host, lambda lease, member: _steps(lease, member, 2, more_prompts=member == 1))


def test_decoding_together_gives_each_its_own_pixels_and_gradients(host: StandaloneHost) -> None:
    """The pool decodes in bfloat16."""

    def decoded(lease: object, member: int) -> tuple[torch.Tensor, torch.Tensor]:
        torch.set_num_threads(1)
        source = torch.Generator().manual_seed(member)
        latents = torch.randn(1 + member, 4, 8, 8, generator=source, requires_grad=True)
        pixels = lease.decode_latents(latents).float()  # type: ignore[attr-defined]
        weights = torch.randn(pixels.shape, generator=source).to(pixels.device)
        (gradient,) = torch.autograd.grad((pixels * weights).sum(), latents)
        return pixels.detach(), gradient

    with host.lease(LeaseRequest(precision="float32")) as lease:
        alone = [decoded(lease, member) for member in range(3)]
        pool = Pool(lease, members=3)

        def run(member: int) -> tuple[torch.Tensor, torch.Tensor]:
            with pool.taking_part():
                return decoded(PooledLease(pool), member)

        with ThreadPoolExecutor(max_workers=3) as threads:
            together = list(threads.map(run, range(3)))
    for one, other in zip(alone, together, strict=True):
        for expected, found in zip(one, other, strict=True):
            assert found.shape == expected.shape
            assert float((found - expected).norm() / expected.norm()) < 0.05


def test_an_error_reaches_every_member(host: StandaloneHost) -> None:
    with host.lease(LeaseRequest(precision="float32")) as lease:
        pool = Pool(lease, members=2)

        def run(prompts: list[str]) -> None:
            with pool.taking_part():
                conditioning = lease.encode_prompts(prompts, embeddings={}, width=64, height=64)
                PooledLease(pool).predict(torch.zeros(1, 3, 8, 8), torch.tensor([1]), conditioning)

        with ThreadPoolExecutor(max_workers=2) as threads:
            ends = [threads.submit(run, ["a"]), threads.submit(run, ["b"])]
            errors = [end.exception() for end in ends]
    assert all("A joint computation failed" in str(error) for error in errors)


def test_batches_of_the_usual_sizes_are_compiled_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda forward, dynamic: lambda *inputs: ("compiled", forward(*inputs)))
    unet = torch.nn.Identity()
    with_compiled_batches(unet, {4})
    few, usual = torch.zeros(3, 1), torch.zeros(4, 1)
    assert torch.equal(unet(few), few)
    assert unet(usual)[0] == "compiled"

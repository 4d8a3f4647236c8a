"""Samplers, seeds and infotext. Equality with A1111's own pictures is tested one folder up."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.model.host import CheckpointInfo, LeaseRequest, NoiseSchedule, PictureRequest
from textual_inversion.hosts.standalone import StandaloneHost, sampler_names
from textual_inversion.hosts.standalone.checkpoint.layout import ScheduleLayout
from textual_inversion.hosts.standalone.sampling.infotext import infotext
from textual_inversion.hosts.standalone.sampling.pictures import seeded_noise, to_picture
from textual_inversion.hosts.standalone.sampling.samplers import find_sampler
from textual_inversion.hosts.standalone.sampling.sigmas import Denoiser, karras, uniform

HostOf = Callable[[str], StandaloneHost]
CPU = torch.device("cpu")
SIZE = {"width": 64, "height": 64}


def schedule(prediction: str) -> NoiseSchedule:
    return NoiseSchedule(alphas_cumprod=ScheduleLayout().alphas_cumprod(), prediction_type=prediction)  # type: ignore[arg-type]


def perfect(target: torch.Tensor, given: NoiseSchedule) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """The prediction of a model that knows the one picture there is."""

    def predict(noisy: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        low, high = timestep.floor().long().item(), timestep.ceil().long().item()
        ends = [((1 - a) / a).sqrt().log() for a in (given.alphas_cumprod[low], given.alphas_cumprod[high])]
        sigma = torch.lerp(ends[0], ends[1], timestep.double().frac().item()).exp().item()
        alpha = 1 / (1 + sigma**2)
        epsilon = (noisy - alpha**0.5 * target) / (1 - alpha) ** 0.5
        if given.prediction_type == "epsilon":
            return epsilon
        return alpha**0.5 * epsilon - (1 - alpha) ** 0.5 * target

    return predict


@pytest.mark.parametrize("name", sampler_names())
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_every_sampler_finds_the_only_picture_there_is(name: str, prediction: str) -> None:
    target = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    given = schedule(prediction)
    noise = seeded_noise(1, (4, 8, 8), CPU)
    found = find_sampler(name).sample(given, perfect(target, given), noise, steps=20)
    tolerance = 0.2 if name == "DDIM" else 2e-3  # A1111's DDIM stops at timestep 1, where a little noise is left
    assert (found - target).abs().max() < tolerance


def test_schedules_fall_from_the_models_largest_sigma_to_zero() -> None:
    denoiser = Denoiser(schedule("epsilon"), lambda noisy, _t: noisy)
    for make in (uniform, karras):
        sigmas = make(denoiser, 10)
        assert sigmas.shape == (11,)
        assert sigmas[0].item() == pytest.approx(denoiser.sigmas[-1].item(), rel=1e-5)
        assert sigmas[-2].item() == pytest.approx(denoiser.sigmas[0].item(), rel=1e-5)
        assert sigmas[-1] == 0
        assert bool((sigmas.diff() < 0).all())
    for timestep in (0.0, 17.25, 999.0):
        again = denoiser.timestep(denoiser.sigma(torch.tensor(timestep)))
        assert again.item() == pytest.approx(timestep, abs=1e-2)


def test_sampler_names_are_forgiving_and_wrong_ones_are_explained() -> None:
    assert find_sampler("euler A").name == "Euler a"
    assert find_sampler("DPM++ 2M").label == "Karras"
    assert find_sampler("DPM++ 2M Uniform").schedule == "Uniform"
    with pytest.raises(InputError, match=r"no sampler 'Warp'; there are Euler a, Euler, Heun, DPM\+\+ 2M, DDIM"):
        find_sampler("Warp")


def random_states() -> bytes:
    return torch.random.get_rng_state().numpy().tobytes() + repr((random.getstate(), np.random.get_state())).encode()


@pytest.mark.parametrize("kind", ["sd1", "sd2-v", "sd1-inpainting", "sdxl"])
def test_a_picture_is_decided_by_its_request_alone(kind: str, host_of: HostOf) -> None:
    host = host_of(kind)
    with host.lease(LeaseRequest()) as lease:
        requests = [PictureRequest(prompt="a cat", negative_prompt="x", steps=4, seed=seed, **SIZE) for seed in (7, 8)]
        before = random_states()
        first = [lease.picture(request, embeddings={}) for request in requests]
        assert random_states() == before
        torch.rand(5)
        second = [lease.picture(request, embeddings={}) for request in reversed(requests)]
    assert first[0].image.tobytes() == second[1].image.tobytes()
    assert first[1].image.tobytes() == second[0].image.tobytes()
    assert first[0].image.tobytes() != first[1].image.tobytes()
    assert first[0].image.size == (64, 64)


def test_guidance_of_one_is_the_prompt_alone_and_lengths_may_differ(host_of: HostOf) -> None:
    with host_of("sd1").lease(LeaseRequest()) as lease:

        def picture(**changes: object) -> bytes:
            values: dict[str, object] = {"prompt": "a cat", "steps": 2, "sampler": "Euler", **SIZE, **changes}
            return lease.picture(PictureRequest(**values), embeddings={}).image.tobytes()  # type: ignore[arg-type]

        assert picture(guidance_scale=1, negative_prompt="dog") == picture(guidance_scale=1)
        assert picture(negative_prompt="dog " * 100) != picture(negative_prompt="dog")
        assert picture(guidance_scale=9) != picture()


def test_requests_that_cannot_be_made_are_explained(host_of: HostOf) -> None:
    with host_of("sd1").lease(LeaseRequest()) as lease:
        for changes, message in (
            ({"width": 60}, "The width is 60; it must be a multiple of 8"),
            ({"height": 0}, "The height is 0"),
            ({"steps": 0}, "0 sampling steps cannot be done"),
        ):
            with pytest.raises(InputError, match=message):
                lease.picture(PictureRequest(prompt="", **(SIZE | changes)), embeddings={})


def test_pixels_are_cut_to_bytes_as_a1111_does() -> None:
    pixels = torch.tensor([-2.0, -1.0, 0.0, 0.9999, 3.0]).reshape(1, 1, 1, 5).expand(1, 3, 1, 5)
    assert [pixel[0] for pixel in np.asarray(to_picture(pixels))[0]] == [0, 0, 127, 254, 255]


def text(hashes: Mapping[str, str] | None = None, **changes: object) -> str:
    request = PictureRequest(prompt="a cat", **{"negative_prompt": "dog", "seed": 3, **SIZE, **changes})  # type: ignore[arg-type]
    info = CheckpointInfo(name="tiny, v1", path=None, sha256="0123456789abcdef")
    return infotext(request, sampler=find_sampler("DPM++ 2M"), checkpoint=info, clip_skip=2, embedding_hashes=hashes)


def test_infotext_is_in_a1111s_form() -> None:
    assert text({"my:tok": "aabbccddeeff", "b": "0"}).split("\n") == [
        "a cat",
        "Negative prompt: dog",
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.0, Seed: 3, Size: 64x64, "
        'Model hash: 0123456789, Model: tiny v1, Clip skip: 2, TI hashes: "mytok: aabbccddeeff, b: 0", '
        "Version: textual-inversion 0.1.0",
    ]
    assert "Negative prompt" not in text(negative_prompt="")
    assert "TI hashes" not in text()


def test_what_only_web_uis_know_is_told(host_of: HostOf) -> None:
    with host_of("sd1").lease(LeaseRequest()) as lease:
        asked = PictureRequest(
            prompt="a <lora:foo:0.8> square, __color__, {red|blue} AND a circle",
            negative_prompt="[red:blue:0.5]",
            steps=1,
            **SIZE,
        )
        (told,) = lease.picture(asked, embeddings={}).warnings
        assert told.startswith(
            "Read as words, since pictures made without a web UI know weights, BREAK and embeddings alone: "
        )
        assert all(each in told for each in ("<lora:foo:0.8>", "__color__", "{red|blue}", "AND", "[red:blue:0.5]"))
        plain = PictureRequest(prompt="a (red:1.2) square BREAK [blue]", steps=1, **SIZE)
        assert lease.picture(plain, embeddings={}).warnings == ()

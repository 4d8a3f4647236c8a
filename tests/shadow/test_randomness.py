"""Random numbers of the device come from a stream of its own."""

from __future__ import annotations

import torch
from torch import nn


def test_a_seed_decides_and_the_streams_do_not_touch(shadow):
    torch.manual_seed(4)
    here = torch.randn(3)
    torch.manual_seed(4)
    there = torch.randn(3, device="shadow")
    again = torch.randn(3)
    assert here.equal(again), "drawing on the device moves nothing on the CPU"
    torch.manual_seed(4)
    torch.randn(100)
    assert torch.randn(3, device="shadow").cpu().equal(there.cpu()), "nor the other way round"


def test_states_are_kept_and_put_back(shadow):
    torch.shadow.manual_seed(1)
    state = torch.shadow.get_rng_state()
    first = torch.rand(4, device="shadow").cpu()
    second = torch.rand(4, device="shadow").cpu()
    torch.shadow.set_rng_state(state)
    assert torch.rand(4, device="shadow").cpu().equal(first)
    assert torch.rand(4, device="shadow").cpu().equal(second)
    with torch.random.fork_rng(devices=[0], device_type="shadow"):
        torch.rand(4, device="shadow")
        torch.manual_seed(9)
    after = torch.rand(4, device="shadow").cpu()
    torch.shadow.set_rng_state(state)
    assert torch.rand(12, device="shadow").cpu()[8:].equal(after)
    assert torch.shadow.initial_seed() == 1


def test_what_takes_no_generator_draws_from_it_too(shadow):
    before = torch.get_rng_state()
    torch.shadow.manual_seed(2)
    first = nn.functional.dropout(torch.ones(64, device="shadow"), 0.5).cpu()
    assert torch.get_rng_state().equal(before)
    torch.shadow.manual_seed(2)
    assert nn.functional.dropout(torch.ones(64, device="shadow"), 0.5).cpu().equal(first)
    assert torch.randperm(9, device="shadow").device.type == "shadow"
    assert torch.randint(5, (3,), device="shadow").max() < 5
    assert torch.multinomial(torch.ones(4, device="shadow"), 2).shape == (2,)


def test_noise_of_the_cpu_is_moved(shadow):
    """As everything here that must be the same on each device is drawn."""
    generator = torch.Generator("cpu").manual_seed(7)
    noise = torch.randn(5, generator=generator).to("shadow")
    assert noise.cpu().equal(torch.randn(5, generator=torch.Generator("cpu").manual_seed(7)))


def test_computing_twice_gives_the_same_bits(shadow):
    def compute() -> torch.Tensor:
        torch.manual_seed(11)
        layer = nn.Linear(33, 17, device="shadow")
        return layer(torch.randn(5, 33, device="shadow")).softmax(-1).cpu()

    assert compute().equal(compute())

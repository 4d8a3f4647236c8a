"""What every adapter puts back with: attributes, flags and modes, blocks, random states."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

from textual_inversion.hosts.frozen import frozen
from textual_inversion.hosts.rng import forked
from textual_inversion.hosts.swapped import swapped


class Thing:
    inherited = "class"

    def __init__(self) -> None:
        self.own = "own"

    def method(self) -> str:
        return "method"


def test_attributes_come_back_where_they_were() -> None:
    thing = Thing()
    with swapped(thing, own=1, inherited=2, new=3, method=4):
        assert (thing.own, thing.inherited, thing.new, thing.method) == (1, 2, 3, 4)  # type: ignore[attr-defined]
    with pytest.raises(KeyError), swapped(thing, own=1, inherited=2, new=3, method=4):
        raise KeyError
    assert vars(thing) == {"own": "own"}
    assert (thing.inherited, thing.method()) == ("class", "method")


def test_a_class_gets_its_very_function_back() -> None:
    before = vars(Thing)["method"]
    with swapped(Thing, method=lambda self: "other"):
        assert Thing().method() == "other"
    assert vars(Thing)["method"] is before


def test_an_attribute_that_was_taken_off_inside_is_no_trouble() -> None:
    thing = Thing()
    with swapped(thing, new=1):
        del thing.new  # type: ignore[attr-defined]
    assert not hasattr(thing, "new")


def test_each_flag_and_mode_comes_back() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.Linear(2, 2))
    model[0].bias.requires_grad_(False)
    model[1].eval()
    model[2].train = lambda mode=True: model[2]  # LDM disables train() of the VAE so

    def state() -> tuple[list[bool], list[bool]]:
        return [weight.requires_grad for weight in model.parameters()], [part.training for part in model.modules()]

    before = state()
    with frozen([model]):
        assert state() == ([False] * 4, [False] * 4)
    assert state() == before
    with pytest.raises(KeyError), frozen([model]):
        raise KeyError
    assert state() == before == ([True, False, True, True], [True, True, False, True])


def test_global_random_states_are_as_before() -> None:
    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.random()), float(torch.rand(()))

    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = draw()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    with forked():
        draw()
        torch.manual_seed(9)
    assert draw() == expected

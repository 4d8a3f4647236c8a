import subprocess
import sys

import pytest
import torch

from textual_inversion.core.base.randomness import choice_index, generator, permutation, uniform


def draw(*arguments) -> list[float]:
    return torch.randn(4, generator=generator(*arguments)).tolist()


def test_same_arguments_same_numbers():
    assert draw(7, "noise", 3, 1) == draw(7, "noise", 3, 1)


@pytest.mark.parametrize("other", [(8, "noise", 3, 1), (7, "order", 3, 1), (7, "noise", 1, 3), (7, "noise", 31)])
def test_any_other_argument_gives_other_numbers(other):
    assert draw(7, "noise", 3, 1) != draw(*other)


def test_negative_and_huge_seeds_are_seeds_too():
    assert len({tuple(draw(seed, "noise")) for seed in (-1, 1, 2**31, 2**64 + 1, 10**40)}) == 5


def test_numbers_do_not_depend_on_the_process():
    code = (
        "from textual_inversion.core.base.randomness import generator as g, uniform as u;"
        "print([u(g(7, 'noise', i)) for i in range(3)])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str([uniform(generator(7, "noise", index)) for index in range(3)])


def test_global_numbers_are_left_alone():
    before = torch.random.get_rng_state()
    permutation(1, "order", 0, 10)
    uniform(generator(1, "x"))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_permutation_holds_everything_once_and_changes_with_the_epoch():
    orders = [permutation(5, "order", epoch, 9) for epoch in range(4)]
    assert all(sorted(order) == list(range(9)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4


def test_choices_reach_every_index_about_equally():
    counts = [0, 0, 0]
    for index in range(600):
        counts[choice_index(generator(2, "template", index), 3)] += 1
    assert min(counts) > 150

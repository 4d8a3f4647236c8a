"""Optimisers by the name of a class: made, refused with a sentence, kept over a resume."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from engine_world import World, vectors_of

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.record.run_folder import newest_run
from textual_inversion.core.settings.train_config import TrainConfig
from textual_inversion.core.update.named_optimizer import named_optimizer, optimizer_class, parse_arguments
from textual_inversion.core.update.optimizers import (
    ParameterGroup,
    averaged_weights,
    make_optimizer,
    optimizer_state,
    restore_optimizer,
    set_rate,
    step_with,
)
from textual_inversion.web.access import Access

NAMES = ["torch.optim.RAdam", "torch.optim.SGD", "schedulefree.AdamWScheduleFree", "prodigyopt.Prodigy"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("betas=(0.9, 0.95), weight_decay=1e-2", {"betas": (0.9, 0.95), "weight_decay": 0.01}),
        ("nesterov=True, name='x', none=None, low=-1", {"nesterov": True, "name": "x", "none": None, "low": -1}),
    ],
)
def test_arguments_are_read_as_in_a_call(text: str, found: dict[str, object]) -> None:
    assert parse_arguments(text) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.9", "a value without a name"),
        ("betas=(0.9,", "cannot be read"),
        ("momentum=open('x')", "is no plain value"),
        ("momentum=x", "is no plain value"),
        ("**{'a': 1}", r"hold '\*\*'"),
        ("a=1) or f(b=2", "a value without a name"),
        ("lambda: 0", "cannot be read|a value without a name"),
        ("a=" + "(" * 5000, "cannot be read"),
    ],
)
def test_anything_but_literals_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_arguments(text)
    assert caught.value.field == "optimizer_args"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nopackagehere.Adam", "pip install nopackagehere"),
        ("bitsandbytes.AdamW8bit", "pip install bitsandbytes"),
        ("torch.optim.NoSuch", "torch.optim has no optimiser called 'NoSuch'"),
        ("torch.nosuch.Adam", "There is no module 'torch.nosuch'"),
        ("torch.nn.Linear", "is no optimiser"),
        ("os.system", "is no optimiser"),
        ("torch.optim.LBFGS", "wants a closure"),
        ("torch..Adam", "is no name of a class"),
        ("textual_inversion.core.update.prodigy.Prodigy", "is no name of a class"),
    ],
)
def test_what_cannot_train_vectors_is_refused(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        optimizer_class(name)
    assert caught.value.field == "optimizer"


def test_arguments_that_the_class_refuses_are_told() -> None:
    group = {"params": [torch.nn.Parameter(torch.zeros(1, 2))], "rate_weight": 1.0}
    with pytest.raises(InputError, match=r"torch\.optim\.RAdam could not be made .*nosuch"):
        named_optimizer("torch.optim.RAdam", "nosuch=1", [group])
    with pytest.raises(InputError, match="Leave lr out"):
        named_optimizer("torch.optim.RAdam", "lr=1", [group])


def test_a_package_is_imported_only_when_asked_for() -> None:
    code = "import sys, textual_inversion.core.run.train; print({'schedulefree', 'prodigyopt'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", NAMES)
def test_each_group_keeps_its_share_of_the_rate(name: str) -> None:
    groups = [
        ParameterGroup(parameters=[torch.nn.Parameter(torch.ones(1, 2))], rate_weight=weight) for weight in (1.0, 0.25)
    ]
    optimizer = make_optimizer(TrainConfig(optimizer=name), groups)
    set_rate(optimizer, 0.04)
    assert [group["lr"] for group in optimizer.param_groups] == [0.04, 0.01]


@pytest.mark.parametrize("name", NAMES)
def test_a_run_learns_with_it_and_resumes_exactly(world: World, name: str) -> None:
    arguments = "momentum=0.9" if name.endswith("SGD") else ""
    rate = "1" if "rodigy" in name else "0.01"
    settings = {"optimizer": name, "optimizer_args": arguments, "learning_rate": rate, "image_every": 0}
    path = world.create(init_text="red thing")
    start = vectors_of(path)
    whole = world.train(world.config(steps=6, **settings))
    assert whole.outcome == "done", whole.message
    wanted = vectors_of(path)
    assert not torch.equal(wanted, start)

    world.create(init_text="red thing", overwrite=True)
    world.train(world.config(steps=3, **settings))
    run = newest_run(Path(world.config().log_dir), "thing")
    again = world.train(world.config(steps=6, **settings), resume=run)
    assert again.outcome == "done", again.message
    assert torch.equal(vectors_of(path), wanted)


def test_of_a_schedule_free_optimiser_the_average_is_shown_and_the_other_trained() -> None:
    rows = torch.nn.Parameter(torch.ones(1, 2))
    optimizer = make_optimizer(
        TrainConfig(optimizer="schedulefree.AdamWScheduleFree"), [ParameterGroup(parameters=[rows])]
    )
    for _ in range(5):
        rows.grad = torch.tensor([[1.0, -2.0]])
        set_rate(optimizer, 0.1)
        optimizer.step()
    trained = rows.detach().clone()
    with averaged_weights(optimizer):
        assert not torch.allclose(rows, trained)
    assert torch.allclose(rows, trained)


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"optimizer": "adam"}, "optimizer", "There is no optimiser 'adam'"),
        ({"optimizer_args": "beta=1"}, "optimizer_args", "would have no effect"),
        ({"optimizer": "torch.optim.RAdam", "beta1": 0.5}, "beta1", r"betas=\(0.9, 0.999\)"),
        ({"optimizer": "torch.optim.RAdam", "optimizer_args": "x"}, "optimizer_args", "without a name"),
    ],
)
def test_mistakes_are_told_before_the_first_step(
    world: World, changes: dict[str, object], field: str, message: str
) -> None:
    world.create(init_text="red thing")
    with pytest.raises(InputError, match=message) as caught:
        world.train(world.config(steps=2, **changes))
    assert caught.value.field == field


def test_over_the_network_only_packages_known_for_optimisers_are_imported() -> None:
    with pytest.raises(InputError, match="cannot be asked for from a page"):
        Access()._check_optimizer("antigravity.Fly")
    Access()._check_optimizer("torch.optim.RAdam")
    Access()._check_optimizer("adamw")


def test_an_optimiser_that_cannot_step_is_told_by_name() -> None:
    groups = [
        ParameterGroup(parameters=[torch.nn.Parameter(torch.ones(1, 2))], rate_weight=weight) for weight in (1.0, 0.5)
    ]
    optimizer = make_optimizer(TrainConfig(optimizer="prodigyopt.Prodigy"), groups)
    for group in groups:
        group.parameters[0].grad = torch.ones(1, 2)
    set_rate(optimizer, 1.0)
    with pytest.raises(InputError, match=r"prodigyopt\.prodigy\.Prodigy cannot go on: Setting different lr values"):
        step_with(optimizer)


class Remembers(torch.optim.SGD):
    """Keeps what no file of ours can hold."""

    def step(self, closure=None):
        for group in self.param_groups:
            for each in group["params"]:
                self.state[each]["note"] = {"a": "text"}
        return super().step(closure)


def test_a_state_that_cannot_be_kept_is_told_on_resume() -> None:
    rows = torch.nn.Parameter(torch.ones(1, 2))
    optimizer = Remembers([rows], lr=0.1)
    rows.grad = torch.ones(1, 2)
    optimizer.step()
    tensors, numbers = optimizer_state(optimizer)
    assert tensors == {}
    with pytest.raises(ValueError, match="it was not kept, as Remembers keeps what is neither tensor nor number"):
        restore_optimizer(optimizer, tensors, numbers)

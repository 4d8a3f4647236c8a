"""Settings: what is taken, what is refused and with which words."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.base.options import choices_of, options_of
from textual_inversion.core.settings.train_config import TrainConfig

FIELDS = [field.name for field in dataclasses.fields(TrainConfig)]
OPTIONS = options_of(TrainConfig)


def _refused(values: dict[str, Any]) -> InputError:
    with pytest.raises(InputError) as caught:
        TrainConfig.from_mapping(values)
    return caught.value


def test_every_field_is_described_and_its_default_allowed() -> None:
    assert list(OPTIONS) == FIELDS
    for name, described in OPTIONS.items():
        assert described.label.strip() == described.label != "", name
        assert described.help.endswith((".", "?")), name
        assert described.group, name
        if described.low is not None:
            assert described.high is not None, name
            assert described.low < described.high, name
    assert TrainConfig.from_mapping(TrainConfig().to_mapping()) == TrainConfig()


def test_a1111_defaults() -> None:
    config = TrainConfig()
    assert (config.learning_rate, config.steps, config.batch_size, config.gradient_accumulation) == (
        "0.005",
        100000,
        1,
        1,
    )
    assert (config.width, config.height, config.save_every, config.image_every, config.csv_every) == (512,) * 2 + (
        500,
    ) * 3
    assert (config.template, config.log_dir) == ("style_filewords.txt", "textual_inversion")
    assert (config.clip_gradient, config.clip_value, config.weight_decay) == ("disabled", "0.1", 0.0)
    assert (config.shuffle_tags, config.tag_dropout, config.alpha_weight) == (False, 0.0, False)


def test_an_unknown_name_is_told_with_all_that_there_are() -> None:
    error = _refused({"learn_rate": "1"})
    assert error.field == "learn_rate"
    assert error.message.startswith("There is no setting called 'learn_rate'. The settings are: ")
    assert all(name in error.message for name in FIELDS)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("steps", 2.5, "steps: 2.5 is not a whole number."),
        ("steps", "10", "steps: '10' is not a whole number."),
        ("steps", True, "steps: True is not a whole number."),
        ("steps", None, "steps: None is not a whole number."),
        ("steps", 0, "Max steps: 0 is not between 1 and 10000000."),
        ("steps", math.nan, "steps: nan is not a whole number."),
        ("steps", math.inf, "steps: inf is not a whole number."),
        ("ema", math.nan, "ema: nan is not a number."),
        ("ema", -math.inf, "ema: -inf is not a number."),
        ("ema", 1.0, "EMA of the vectors: 1.0 is not between 0 and 0.9999."),
        ("ema", "0.9", "ema: '0.9' is not a number."),
        ("tag_dropout", -0.1, "Drop out tags when creating prompts: -0.1 is not between 0 and 1."),
        ("flip", 1, "flip: 1 is not yes or no."),
        ("flip", "yes", "flip: 'yes' is not yes or no."),
        ("template", ["a"], "template: ['a'] is not a text."),
        ("template", None, "template: None is not a text."),
        ("optimizer", [], "optimizer: [] is not a text."),
        ("data", [["a"]], "data: ['a'] is not a text."),
        ("data", {"a": 1}, "data: {'a': 1} is not a text."),
        ("clip_skip", 0, "Clip skip: 0 is not between 1 and 12."),
    ],
)
def test_wrong_values_are_refused_beside_their_field(name: str, value: object, text: str) -> None:
    error = _refused({name: value})
    assert (error.message, error.field) == (text, name)


@pytest.mark.parametrize("name", [name for name in FIELDS if OPTIONS[name].low is not None])
def test_limits_hold_on_both_sides(name: str) -> None:
    described = OPTIONS[name]
    for inside in (described.low, described.high):
        assert getattr(TrainConfig.from_mapping({name: inside}), name) == inside
    for outside in (described.low - 1, described.high + 1, 10**400, -(10**400)):
        assert _refused({name: outside}).field == name


def test_a_long_wrong_value_is_cut_in_its_message() -> None:
    assert len(_refused({"steps": "x" * 10_000}).message) < 200


def test_values_become_the_kind_that_the_field_has() -> None:
    config = TrainConfig.from_mapping(
        {
            "steps": 500.0,
            "ema": 0,
            "learning_rate": 1e-05,
            "name": 20231105,
            "data": "folder",
            "preview_prompts": "",
            "clip_skip": "",
            "preview_guidance_scale": 7,
        }
    )
    assert (config.steps, type(config.steps)) == (500, int)
    assert (config.ema, type(config.ema)) == (0.0, float)
    assert (config.learning_rate, config.name) == ("1e-05", "20231105")
    assert (config.data, config.preview_prompts, config.clip_skip) == (("folder",), (), None)
    assert type(config.preview_guidance_scale) is float


def _values(name: str) -> st.SearchStrategy[Any]:
    described, default = OPTIONS[name], getattr(TrainConfig(), name)
    if choices := choices_of(TrainConfig, name):
        return st.sampled_from(choices)
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, tuple):
        return st.lists(st.text(), max_size=3)
    if isinstance(default, str):
        return st.text()
    if isinstance(default, float):
        return st.floats(described.low, described.high)
    numbers = st.integers(int(described.low or 0), int(described.high or 0))
    return numbers if default is not None else st.none() | numbers


@given(st.fixed_dictionaries({name: _values(name) for name in FIELDS}))
def test_settings_survive_json(values: dict[str, Any]) -> None:
    config = TrainConfig.from_mapping(values)
    assert TrainConfig.from_mapping(json.loads(json.dumps(config.to_mapping()))) == config


def test_settings_are_read_from_a_run_and_from_a_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"version": 1, "config": {"steps": 7}, "resolved": {"vectors": 3}}))
    assert TrainConfig.from_file(path).steps == 7
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"steps": 8}).encode())
    assert TrainConfig.from_file(path).steps == 8


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{", b"[" * 100_000, b"[1]", b'{"config": [1]}', b'"x"'])
def test_a_file_without_settings_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(content)
    with pytest.raises(
        InputError, match="settings.json (cannot be read as settings of a run|holds no settings)"
    ) as caught:
        TrainConfig.from_file(path)
    assert caught.value.field == "config"
    with pytest.raises(InputError, match="cannot be read"):
        TrainConfig.from_file(tmp_path / "missing.json")


def test_a_changed_copy_is_checked_like_any_input() -> None:
    assert TrainConfig(name="a").replace(steps=3) == TrainConfig(name="a", steps=3)
    with pytest.raises(InputError, match="no setting called 'stepz'"):
        TrainConfig().replace(stepz=3)


@pytest.mark.parametrize(
    ("written", "read"), [({"checkpointing": True}, "full"), ({"checkpointing": False}, "selective"), ({}, "selective")]
)
def test_runs_of_earlier_versions_can_still_be_read(written: dict[str, Any], read: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"version": 1, "config": {"name": "cat", **written}, "resolved": {}}))
    assert TrainConfig.from_file(path).recompute == read


def test_the_present_name_of_a_setting_wins_over_its_former_one() -> None:
    assert TrainConfig.from_mapping({"checkpointing": True, "recompute": "none"}).recompute == "none"
    with pytest.raises(InputError) as raised:
        TrainConfig.from_mapping({"checkpointing": "yes"})
    assert raised.value.field == "checkpointing"

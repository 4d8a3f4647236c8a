"""What is typed, and what is made of it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from textual_inversion import cli
from textual_inversion.commands.config_options import option_strings, whole_number
from textual_inversion.core.base.options import options_of
from textual_inversion.core.settings.train_config import TrainConfig

ROOT = Path(__file__).resolve().parents[2]


def test_every_setting_of_a_run_is_an_option(host, engine):
    typed = {}
    arguments = ["train", "cat"]
    for name, described in options_of(TrainConfig).items():
        if name in ("name", "preview_from_txt2img"):
            continue
        value = _another_value(name, described)
        typed[name] = value
        option = option_strings(name)[0]
        if value is True or value is False:
            arguments.append(option if value else option.replace("--", "--no-", 1))
        elif isinstance(value, tuple):
            arguments += [part for item in value for part in (option, item)]
        else:
            arguments += [option, str(value)]
    assert cli.main(arguments) == 0
    assert engine.calls[0][0] == TrainConfig(name="cat", **typed)


def _another_value(name, described):
    """A legal value that is not the default."""
    default = getattr(TrainConfig(), name)
    if default is None:
        return {"clip_skip": 2, "negative_ema": 0.5}[name]
    choices = {"precision": "float32"}.get(name)
    from textual_inversion.core.base.options import choices_of

    if choices or choices_of(TrainConfig, name):
        return choices or next(choice for choice in choices_of(TrainConfig, name) if choice != default)
    if isinstance(default, bool):
        return not default
    if isinstance(default, tuple):
        return ("one", "two")
    if isinstance(default, str):
        return f"{name}-text"
    return type(default)(described.high if described.high != default else described.low)


@pytest.mark.parametrize(("former", "level"), [("--checkpointing", "full"), ("--no-checkpointing", "selective")])
def test_options_of_earlier_versions_are_understood(former, level, host, engine):
    assert cli.main(["train", "cat", former]) == 0
    assert engine.calls[0][0].recompute == level


def test_defaults_follow_the_checkpoint(host, engine):
    cli.main(["train", "cat", "--data", "pictures"])
    config = engine.calls[0][0]
    assert (config.width, config.height, config.log_dir) == (64, 64, "outputs/textual_inversion")
    assert dataclasses.replace(config, width=512, height=512, log_dir="textual_inversion") == TrainConfig(
        name="cat", data=("pictures",)
    )


def test_config_file_and_what_is_typed_over_it(host, engine, tmp_path):
    recorded = TrainConfig(name="dog", data=("a",), steps=77, flip=True, width=512, precision="float32")
    file = tmp_path / "run.json"
    file.write_text(json.dumps({"config": recorded.to_mapping(), "resolved": {}}))
    cli.main(["train", "cat", "--config", str(file), "--steps", "10,000", "--no-flip"])
    assert engine.calls[0][0] == dataclasses.replace(recorded, name="cat", steps=10000, flip=False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "cat", "--steps", "many"], "'many' is not a whole number"),
        (["train", "cat", "--huber-delta", "nan"], "'nan' is not a number"),
        (["generate", "--prompt", "a", "--count", "0"], "argument --count: '0' is too few"),
        (["generate", "--prompt", "a", "--width", "0"], "argument --width: '0' is too few"),
        (["generate", "--prompt", "a", "--cfg-scale", "inf"], "argument --cfg-scale: 'inf' is not a number"),
        (["ui", "--threads", "-2"], "argument --threads: '-2' is too few"),
        (["train", "cat", "--step", "3"], "unrecognized arguments: --step 3"),
        (["generate"], "--prompt"),
        (["frobnicate"], "frobnicate"),
        ([], "COMMAND"),
        (["train", "cat", "--fit", "round"], "invalid choice: 'round'"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    out, err = capsys.readouterr()
    assert (left.value.code, out) == (2, "")
    assert sentence in err
    assert len(err.strip().splitlines()) == 1


def test_help_of_convert_names_every_format():
    from textual_inversion.core.formats import FORMATS

    shown = " ".join(help_of("convert").split())
    assert all(name in shown for name in FORMATS)


def help_of(command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "textual_inversion", command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("command", [command.name for command in cli.COMMANDS])
def test_every_command_has_every_shared_option_and_examples_that_parse(command):
    import shlex

    (found,) = [each for each in cli.COMMANDS if each.name == command]
    parser = cli.parser()
    for example in found.examples:
        assert parser.parse_args(shlex.split(example)).command is found
    options = ["--checkpoint", "f", "--embeddings-dir", "d", "--device", "cpu", "--precision", "auto", "--threads", "1", "--config", "r", "--json"]  # fmt: skip
    parsed = parser.parse_args([*shlex.split(found.examples[0]), *options])
    assert parsed.json
    assert parsed.threads == 1


@settings(max_examples=40, deadline=None)
@hypothesis_given(st.integers())
def test_whole_numbers_may_have_commas(value):
    assert whole_number(f"{value:,}") == value

"""The command line against a host and an engine that only remember what they were asked."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st
from PIL import Image

import textual_inversion.core.create
import textual_inversion.core.run
from textual_inversion import cli
from textual_inversion.commands import create, demo, generate, resume, train, ui
from textual_inversion.commands.config_options import option_strings, whole_number
from textual_inversion.commands.console import Console
from textual_inversion.commands.progress import ProgressBar
from textual_inversion.core import events
from textual_inversion.core.config import TrainConfig
from textual_inversion.core.embedding import Embedding
from textual_inversion.core.errors import DivergedError, InputError, ResourceError
from textual_inversion.core.formats import write_embedding
from textual_inversion.core.host import Picture
from textual_inversion.core.options import options_of
from textual_inversion.core.plain_json import finite

ROOT = Path(__file__).resolve().parents[1]


class FakeLease:
    def picture(self, request, *, embeddings):
        return Picture(image=Image.new("RGB", (request.width, request.height)), infotext=f"Seed: {request.seed}")


class FakeHost:
    native_size = 64

    def __init__(self, embeddings_dir: Path) -> None:
        self.embeddings_dir = embeddings_dir
        self.requests: list = []

    def lease(self, request):
        self.requests.append(request)
        return nullcontext(FakeLease())


@pytest.fixture
def host(tmp_path, monkeypatch):
    made = FakeHost(tmp_path / "embeddings")
    made.asked = []

    def standalone_host(arguments, console, *, checkpoint=None, precision=None):
        made.asked.append(arguments.checkpoint or checkpoint)
        return made

    for module in (create, train, resume, generate, ui, demo):
        monkeypatch.setattr(module, "standalone_host", standalone_host)
    monkeypatch.chdir(tmp_path)
    return made


FINISHED = events.Finished(
    outcome="done", message="Training finished.", step=3, best_step=None, embedding="e.pt", run_dir="run", files=("e.pt",), exit_code=0
)  # fmt: skip
STEPPED = events.Stepped(
    step=1, total_steps=3, epoch=0, epoch_step=0, loss=float("nan"), smooth_loss=0.2, learn_rate=0.005,
    gradient_norm=1.0, vector_norm=1.0, seconds=0.1, eta_seconds=1.0, prompt="p",
)  # fmt: skip


@pytest.fixture
def engine(monkeypatch):
    """Stands for ``core.run.train``; ``calls`` holds what it was given, ``finished`` what it answers."""

    class Engine:
        def __init__(self):
            self.calls, self.finished, self.during = [], FINISHED, lambda control: None

        def __call__(self, config, host, *, control, emit, resume=None, from_step=None):
            self.calls.append((config, resume, from_step))
            self.during(control)
            if isinstance(self.finished, Exception):
                raise self.finished
            emit(STEPPED)
            emit(self.finished)
            return self.finished

    made = Engine()
    monkeypatch.setattr(textual_inversion.core.run, "train", made)
    return made


def test_every_setting_of_a_run_is_an_option(host, engine):
    typed = {}
    arguments = ["train", "cat"]
    for name, described in options_of(TrainConfig).items():
        if name == "name":
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
    if name == "clip_skip":
        return 2
    choices = {"precision": "float32"}.get(name)
    from textual_inversion.core.options import choices_of

    if choices or choices_of(TrainConfig, name):
        return choices or next(choice for choice in choices_of(TrainConfig, name) if choice != default)
    if isinstance(default, bool):
        return not default
    if isinstance(default, tuple):
        return ("one", "two")
    if isinstance(default, str):
        return f"{name}-text"
    return type(default)(described.high if described.high != default else described.low)


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


def test_json_is_all_that_goes_to_standard_output(host, engine, capsys):
    engine.during = lambda control: print("a library chatters")
    assert cli.main(["train", "cat", "--json"]) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["event"] for line in lines] == ["step", "finished"]
    assert lines[0]["loss"] is None, "NaN is no JSON"
    assert lines[-1]["files"] == ["e.pt"]
    assert "a library chatters" in err
    assert "Training finished." in err


def test_without_json_the_result_is_words(host, engine, capsys):
    cli.main(["train", "cat"])
    assert "Training finished." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("no such folder", field="data"), 2),
        (DivergedError("NaN twice"), 3),
        (ResourceError("disk full"), 4),
        (MemoryError(), 4),
        (RuntimeError("a bug"), 1),
    ],
)
def test_exit_codes_of_errors(host, engine, capsys, error, code):
    engine.finished = error
    assert cli.main(["train", "cat", "--json"]) == code
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]
    assert ("Traceback" in err) == (code == 1)
    if code != 1:
        assert len(err.strip().splitlines()) == 1


def test_a_refused_setting_names_the_option(host, engine, capsys):
    assert cli.main(["train", "cat", "--steps", "0"]) == 2
    assert capsys.readouterr().err == "Max steps: 0 is not between 1 and 10000000. (--steps)\n"
    assert engine.calls == []


@pytest.mark.parametrize("code", [0, 2, 3, 4, 130, 1])
def test_exit_code_is_that_of_the_run(host, engine, code):
    engine.finished = dataclasses.replace(FINISHED, exit_code=code)
    assert cli.main(["train", "cat"]) == code


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


def send(*numbers):
    for number in numbers:
        signal.raise_signal(number)


NO_HANGUP = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signal")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", pytest.param("SIGHUP", marks=NO_HANGUP)])
def test_a_first_signal_interrupts_and_a_ctrl_c_after_it_ends_at_once(host, engine, capsys, name):
    number, before = getattr(signal, name), signal.getsignal(getattr(signal, name))

    def once(control):
        send(number)
        assert control.interrupted.is_set()

    engine.during = once
    engine.finished = dataclasses.replace(FINISHED, exit_code=130)
    assert cli.main(["train", "cat"]) == 130
    assert "Press Ctrl-C again" in capsys.readouterr().err
    engine.during = lambda control: send(number, signal.SIGINT)
    assert cli.main(["train", "cat"]) == 130
    assert "Ended at once" in capsys.readouterr().err
    assert signal.getsignal(number) is before


@NO_HANGUP
def test_a_closed_terminal_may_say_so_twice(host, engine):
    engine.during = lambda control: send(signal.SIGHUP, signal.SIGHUP, signal.SIGTERM)
    engine.finished = dataclasses.replace(FINISHED, exit_code=130)
    assert cli.main(["train", "cat"]) == 130
    assert len(engine.calls) == 1


@NO_HANGUP
def test_nohup_holds(host, engine, monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        engine.during = lambda control: (
            send(signal.SIGHUP),
            control.interrupted.is_set() and pytest.fail("interrupted"),
        )
        assert cli.main(["train", "cat"]) == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@NO_HANGUP
def test_the_app_ends_by_kill_as_by_ctrl_c_and_saves_undisturbed(host, monkeypatch):
    import textual_inversion.ui.standalone

    saved = []

    def launch(*_, **__):
        try:
            send(signal.SIGTERM)
            pytest.fail("went on")
        except KeyboardInterrupt:
            send(signal.SIGHUP, signal.SIGTERM)
            saved.append("all")

    monkeypatch.setattr(textual_inversion.ui.standalone, "launch", launch)
    assert cli.main(["ui"]) == 0
    assert saved == ["all"]


def test_one_run_a_name(host, engine, capsys):
    from textual_inversion.runs.lock import NameLock

    with NameLock(host.embeddings_dir, "cat"):
        assert cli.main(["train", "cat"]) == 2
    assert "is being trained already" in capsys.readouterr().err
    assert engine.calls == []


def test_resume_takes_the_newest_run_and_its_checkpoint(host, engine, tmp_path):
    checkpoint = tmp_path / "model.safetensors"
    checkpoint.write_bytes(b"")
    config = TrainConfig(name="cat", data=("a",), steps=50, width=64, height=64)
    run = tmp_path / "logs" / "2026-01-31" / "cat"
    run.mkdir(parents=True)
    plan = {"config": config.to_mapping(), "resolved": {"checkpoint_path": str(checkpoint)}}
    (run / "run.json").write_text(json.dumps(plan))
    assert cli.main(["resume", "cat", "--log-dir", "logs", "--steps", "80", "--from-step", "20"]) == 0
    assert engine.calls == [(dataclasses.replace(config, steps=80), Path("logs/2026-01-31/cat"), 20)]
    assert host.asked == [checkpoint]


def test_resume_of_nothing(host, engine, capsys):
    assert cli.main(["resume", "cat"]) == 2
    assert "No run of 'cat' was found in outputs/textual_inversion" in capsys.readouterr().err


def test_create_hands_everything_over(host, monkeypatch, capsys, tmp_path):
    seen = {}

    def fake(_host, *, warn, **values):
        seen.update(values)
        warn("a word already")
        return tmp_path / "cat.pt"

    monkeypatch.setattr(textual_inversion.core.create, "create", fake)
    assert cli.main(["create", "cat", "--init-text", "a cat", "--vectors", "3", "--init", "noise", "--seed", "5", "--overwrite", "--json"]) == 0  # fmt: skip
    assert seen == {
        "name": "cat", "init_text": "a cat", "vectors": 3, "init": "noise", "overwrite": True, "seed": 5,
    }  # fmt: skip
    out, err = capsys.readouterr()
    assert json.loads(out) == {"name": "cat", "path": str(tmp_path / "cat.pt")}
    assert "Note: a word already" in err
    cli.main(["create", "my cat"])
    assert capsys.readouterr().out.endswith('train "my cat" --data DIR\n')


def test_generate_numbers_pictures_and_seeds(host, capsys, tmp_path):
    arguments = [
        "generate",
        "--prompt",
        "a cat",
        "--seed",
        "7",
        "--count",
        "2",
        "--out",
        "made",
        "--width",
        "128",
        "--json",
    ]
    assert cli.main([*arguments, "--precision", "bfloat16"]) == 0
    made = json.loads(capsys.readouterr().out)["pictures"]
    assert [(picture["path"], picture["seed"]) for picture in made] == [("made/00000.png", 7), ("made/00001.png", 8)]
    picture = Image.open(tmp_path / "made" / "00001.png")
    assert picture.size == (128, 64)
    assert picture.text["parameters"] == "Seed: 8"
    assert host.requests[0].precision == "bfloat16"


def test_a_seed_that_is_none_is_refused(host, capsys):
    assert cli.main(["generate", "--prompt", "a", "--seed", "-1"]) == 2
    assert "--seed: -1 is not between 0 and" in capsys.readouterr().err
    assert host.asked == []


def test_demo_leaves_all_its_files(host, engine, monkeypatch, capsys, tmp_path):
    made = {}
    monkeypatch.setattr(textual_inversion.core.create, "create", lambda _host, **values: made.update(values))
    engine.finished = dataclasses.replace(FINISHED, run_dir="run", embedding="embeddings/demo-concept.pt")
    (tmp_path / "run" / "image_embeddings").mkdir(parents=True)
    (tmp_path / "run" / "image_embeddings" / "demo-concept-9.png").write_bytes(b"")
    assert cli.main(["demo", "--out", "made", "--steps", "9", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told == {
        "embedding": "embeddings/demo-concept.pt",
        "picture": "run/image_embeddings/demo-concept-9.png",
        "loss_table": "run/textual_inversion_loss.csv",
        "sheet": "made/sheet.png",
        "right_before": 0,
        "right_after": 0,
    }
    assert Image.open(told["sheet"]).height > 1000
    config = engine.calls[0][0]
    assert (config.name, config.steps, config.width) == ("demo-concept", 9, 64)
    assert len(list((tmp_path / "made" / "pictures").glob("*.png"))) == 8
    assert made["overwrite"] is True


def test_demo_leaves_the_embedding_of_another_demo_alone(host, engine, monkeypatch, capsys):
    from textual_inversion.runs.lock import NameLock

    monkeypatch.setattr(textual_inversion.core.create, "create", lambda *_, **__: pytest.fail("overwrote it"))
    with NameLock(host.embeddings_dir, demo.NAME):
        assert cli.main(["demo"]) == 2
    assert "'demo-concept' is being trained already" in capsys.readouterr().err


def test_demo_that_is_interrupted_says_so(host, engine, monkeypatch, capsys):
    monkeypatch.setattr(textual_inversion.core.create, "create", lambda _host, **values: None)
    engine.finished = dataclasses.replace(FINISHED, exit_code=130, message="Interrupted at 3 steps.")
    assert cli.main(["demo"]) == 130
    assert capsys.readouterr().out == "Interrupted at 3 steps.\n"


@pytest.fixture
def embedding_file(tmp_path):
    path = tmp_path / "cat.pt"
    write_embedding(Embedding(vectors={"*": torch.ones(2, 768)}, name="cat", step=5), path)
    return path


def test_inspect(embedding_file, capsys):
    assert cli.main(["inspect", str(embedding_file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["step"], told["vectors"]["*"]["shape"]) == ("cat", 5, [2, 768])
    assert cli.main(["inspect", str(embedding_file)]) == 0
    assert "vectors: 2 x 768; lengths 27.713, 27.713" in capsys.readouterr().out


def test_inspect_of_something_else(tmp_path, capsys):
    (tmp_path / "x.pt").write_bytes(b"hello")
    assert cli.main(["inspect", str(tmp_path / "x.pt")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1


def test_convert(embedding_file, tmp_path, capsys):
    target = tmp_path / "out.bin"
    assert cli.main(["convert", str(embedding_file), str(target), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"paths": [str(target)]}
    assert cli.main(["convert", str(embedding_file), str(tmp_path / "x.bin"), "--format", "odd"]) == 2
    assert "There is no format 'odd'" in capsys.readouterr().err


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


def test_a_reader_that_left_ends_nothing():
    """As `| head`: the pipe is closed before anything is written to it."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        console = Console(json_output=True, out=out, err=io.StringIO())
        console.record({"a": 1})
        console.record({"a": 2})


def test_a_closed_terminal_ends_nothing():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as err, ProgressBar(Console(json_output=False, out=io.StringIO(), err=err)) as bar:
        for done in range(3):
            bar(events.Encoding(done=done, total=3))
            bar(events.Warned(message="odd"))


def test_the_bar_tells_step_loss_and_rate():
    err = io.StringIO()
    with ProgressBar(Console(json_output=False, out=io.StringIO(), err=err)) as bar:
        bar(
            events.Prepared(
                name="cat", run_dir="logs", start_step=10, total_steps=20, pictures=1, vectors=2, checkpoint="demo", device="cpu"
            )
        )  # fmt: skip
        bar(dataclasses.replace(STEPPED, step=11, total_steps=20))
        bar(events.Warned(message="odd picture"))
        bar(events.RolledBack(step=11, to_step=10, rate_scale=0.1, reason="the loss became nan"))
        bar(FINISHED)
    told = err.getvalue()
    assert "Training cat: 2 vectors, 1 picture, demo on cpu." in told
    assert told.rstrip().splitlines()[-1].split("|")[2].startswith(" 10/20")
    assert "loss 0.2000, rate 0.005" in told
    assert "Note: odd picture" in told
    assert "became nan" not in told, "the warning that comes with it tells"


@hypothesis_given(
    st.recursive(st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_finite_values_are_always_json(value):
    json.dumps(finite(value), allow_nan=False)


@settings(max_examples=40, deadline=None)
@hypothesis_given(st.integers())
def test_whole_numbers_may_have_commas(value):
    assert whole_number(f"{value:,}") == value

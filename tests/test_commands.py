"""The commands from end to end with a miniature checkpoint: what a person does in a terminal, in the order of doing it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from textual_inversion import cli
from textual_inversion.core.formats import read_embedding
from textual_inversion.demo.concepts import write_concept


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    from tiny_checkpoint import write_tiny_checkpoint

    return write_tiny_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture
def command(checkpoint, tmp_path, monkeypatch, capsys):
    """Runs a command in an empty folder and gives the JSON lines it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, expect: int = 0) -> list[dict]:
        code = cli.main([*arguments, "--checkpoint", str(checkpoint), "--json"])
        out, err = capsys.readouterr()
        assert code == expect, err
        return [json.loads(line) for line in out.splitlines()]

    return run


TRAIN = ("--data", "pictures", "--width", "64", "--height", "64", "--template", "subject.txt", "--evaluate-every", "0")


def test_the_whole_way(command, tmp_path, capsys):
    write_concept(Path("pictures"), count=2)
    (made,) = command("create", "demo1", "--init-text", "a shape", "--vectors", "2")
    assert made == {"name": "demo1", "path": "embeddings/demo1.pt"}

    told = command("train", "demo1", *TRAIN, "--steps", "4", "--save-every", "2", "--image-every", "4", "--preview-steps", "1")  # fmt: skip
    assert [event["step"] for event in told if event["event"] == "step"] == [1, 2, 3, 4]
    finished = told[-1]
    assert (finished["event"], finished["outcome"], finished["exit_code"]) == ("finished", "done", 0)
    assert finished["embedding"] == "embeddings/demo1.pt"
    for path in finished["files"]:
        assert Path(path).is_file()
    run = Path(finished["run_dir"])
    assert {str(run / "run.json"), str(run / "textual_inversion_loss.csv")} <= set(finished["files"])
    assert (run / "embeddings" / "demo1-2.pt").is_file()
    assert (run / "images" / "demo1-4.png").is_file()
    assert (run / "textual_inversion_loss.csv").is_file()

    resumed = command("resume", "demo1", "--steps", "6")
    assert [event["step"] for event in resumed if event["event"] == "step"] == [5, 6]
    assert read_embedding(Path("embeddings/demo1.pt")).step == 6

    (inspected,) = command("inspect", "embeddings/demo1.pt")
    assert inspected["step"] == 6
    assert len(inspected["closest_words"]["clip_l"]) == 2

    (converted,) = command("convert", "embeddings/demo1.pt", "demo1.png")
    assert read_embedding(Path(converted["paths"][0])).step == 6


def test_a_picture_depends_on_its_seed_alone(command):
    drawing = ("generate", "--prompt", "a red circle", "--steps", "2", "--width", "64", "--height", "64")
    (three,) = command(*drawing, "--seed", "4", "--count", "3", "--out", "three")
    (one,) = command(*drawing, "--seed", "6", "--out", "one")
    last, alone = three["pictures"][2], one["pictures"][0]
    assert (last["path"], last["seed"], alone["path"]) == ("three/00002.png", 6, "one/00000.png")
    assert Image.open(last["path"]).tobytes() == Image.open(alone["path"]).tobytes()
    assert Image.open(last["path"]).text["parameters"].startswith("a red circle\nSteps: 2, Sampler: Euler a")


def test_mistakes_are_sentences(command, tmp_path):
    (unknown,) = command("train", "nobody", *TRAIN, expect=2)
    assert "Make it first with create" in unknown["error"]
    command("create", "demo1")
    (again,) = command("create", "demo1", expect=2)
    assert "already" in again["error"]
    (nowhere,) = command("train", "demo1", "--data", "nowhere", "--steps", "2", expect=2)
    assert (nowhere["field"], "nowhere" in nowhere["error"]) == ("data", True)


def test_a_run_is_resumed_with_its_own_checkpoint_only(command, tmp_path, checkpoint, monkeypatch, capsys):
    write_concept(Path("pictures"), count=1)
    command("create", "demo1")
    command("train", "demo1", *TRAIN, "--steps", "1", "--image-every", "0")
    assert cli.main(["resume", "demo1", "--steps", "2"]) == 0, "the run knows where its checkpoint is"
    plan = next(Path("outputs").rglob("run.json"))
    content = json.loads(plan.read_text())
    content["resolved"]["checkpoint_sha256"] = "0" * 64
    plan.write_text(json.dumps(content))
    capsys.readouterr()
    refused = command("resume", "demo1", "--steps", "3", expect=2)[-1]
    assert "was trained on the checkpoint" in json.dumps(refused)


def test_demo_checkpoint_puts_paths_right(tmp_path, monkeypatch):
    from textual_inversion.demo.export import NAME, TEXT_FOLDER
    from textual_inversion.demo.webui import install_checkpoint
    from textual_inversion.hosts.standalone.checkpoint.tokenizer import ClipTokenizer

    assets = tmp_path / "assets"
    (assets / TEXT_FOLDER).mkdir(parents=True)
    (assets / TEXT_FOLDER / "config.json").write_text("{}")
    (assets / f"{NAME}.yaml").write_text(f'params:\n  version: "{TEXT_FOLDER}"\n')
    (assets / f"{NAME}.safetensors").write_bytes(b"weights")
    webui = tmp_path / "web ui"
    (webui / "models" / "Stable-diffusion").mkdir(parents=True)

    path = install_checkpoint(webui, assets=assets)
    assert path.read_bytes() == b"weights"
    folder = path.parent / "textual-inversion-demo-text-encoder"
    assert json.dumps(folder.as_posix()) in path.with_suffix(".yaml").read_text()
    packaged = ClipTokenizer.load("clip")
    assert ClipTokenizer.load("clip", folder=folder).encode("a photo of it") == packaged.encode("a photo of it")


def test_demo_checkpoint_wants_a_web_ui(tmp_path, capsys):
    assert cli.main(["demo-checkpoint", "--webui-dir", str(tmp_path)]) == 2
    assert "there is no folder models/Stable-diffusion in it" in capsys.readouterr().err


@pytest.mark.parametrize(("given", "expected"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_wait_without_spinning_unless_a_person_says_otherwise(given: str | None, expected: str) -> None:
    """Set before torch, whose OpenMP reads it once."""
    code = (
        "import os, sys\n"
        "from textual_inversion import __main__, cli\n"
        "assert 'torch' not in sys.modules\n"
        "cli.main = lambda: print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)\n"
        "__main__._main()\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[1],
        env={**environment, **({"OMP_WAIT_POLICY": given} if given else {})},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [expected, "False"]

"""What each command asks of the host and the engine, and tells."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from fake_commands import FINISHED
from PIL import Image
from tiny_models import make_tiny_checkpoint

import textual_inversion.core.embeddings_folder.create
from textual_inversion import cli
from textual_inversion.commands import demo
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import read_embedding, write_embedding
from textual_inversion.core.settings.train_config import TrainConfig


def test_one_run_a_name(host, engine, capsys):
    from textual_inversion.runs.locks.name_lock import NameLock

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


@pytest.mark.parametrize("resolved", [None, "text", {"checkpoint_path": 7}, {"checkpoint_path": "gone.ckpt"}])
def test_resume_of_a_run_that_names_no_checkpoint_takes_the_usual_one(host, engine, tmp_path, resolved):
    run = tmp_path / "outputs" / "textual_inversion" / "2026-01-31" / "cat"
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"config": TrainConfig(name="cat").to_mapping(), "resolved": resolved}))
    assert cli.main(["resume", "cat"]) == 0
    assert host.asked == [None]


def test_resume_of_nothing(host, engine, capsys):
    assert cli.main(["resume", "cat"]) == 2
    assert "No run of 'cat' was found in outputs/textual_inversion" in capsys.readouterr().err


def test_create_hands_everything_over(host, monkeypatch, capsys, tmp_path):
    seen = {}

    def fake(_host, *, warn, **values):
        seen.update(values)
        warn("a word already")
        return tmp_path / "cat.pt"

    monkeypatch.setattr(textual_inversion.core.embeddings_folder.create, "create", fake)
    assert cli.main(["create", "cat", "--init-text", "a cat", "--vectors", "3", "--init", "noise", "--seed", "5", "--overwrite", "--json"]) == 0  # fmt: skip
    assert seen == {
        "name": "cat", "init_text": "a cat", "vectors": 3, "init": "noise", "overwrite": True, "seed": 5, "carry_over": "text",
        "apt": False, "negative_vectors": 6, "negative_init_text": "", "negative_init_noise": 0.001,
    }  # fmt: skip
    out, err = capsys.readouterr()
    assert json.loads(out) == {"name": "cat", "path": str(tmp_path / "cat.pt")}
    assert "Note: a word already" in err
    cli.main(["create", "my cat"])
    assert capsys.readouterr().out.endswith('train "my cat" --data DIR\n')
    cli.main(["create", "hero", "--apt", "--vectors", "3", "--negative-vectors", "4", "--negative-init-text", "blur"])
    assert (seen["apt"], seen["negative_vectors"], seen["negative_init_text"]) == (True, 4, "blur")
    assert capsys.readouterr().out.endswith(
        "cat.pt and cat-neg.pt. Train it with: python -m textual_inversion train hero --apt --data DIR\n"
    )


def test_pictures_of_others_are_not_written_over(host, capsys, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    Image.new("RGB", (8, 8)).save(folder / "00001.png")
    before = (folder / "00001.png").read_bytes()
    asked = ["generate", "--prompt", "a", "--count", "2", "--out", str(folder)]
    assert cli.main(asked) == 2
    assert "00001.png in" in (told := capsys.readouterr().err)
    assert "was not made by this program" in told
    assert [path.read_bytes() for path in folder.iterdir()] == [before]
    (folder / "00001.png").unlink()
    assert cli.main(asked) == 0
    assert cli.main(asked) == 0
    assert "2 pictures of an earlier call" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == ["00000.png", "00001.png"]


def test_without_a_folder_pictures_are_numbered_on(host, tmp_path):
    for _ in range(2):
        assert cli.main(["generate", "--prompt", "a", "--count", "2"]) == 0
    made = sorted(path.name for path in (tmp_path / "outputs" / "pictures").iterdir())
    assert made == ["00000.png", "00001.png", "00002.png", "00003.png"]


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
    monkeypatch.setattr(
        textual_inversion.core.embeddings_folder.create, "create", lambda _host, **values: made.update(values)
    )
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
    from textual_inversion.runs.locks.name_lock import NameLock

    monkeypatch.setattr(
        textual_inversion.core.embeddings_folder.create, "create", lambda *_, **__: pytest.fail("overwrote it")
    )
    with NameLock(host.embeddings_dir, demo.NAME):
        assert cli.main(["demo"]) == 2
    assert "'demo-concept' is being trained already" in capsys.readouterr().err


def test_demo_that_is_interrupted_says_so(host, engine, monkeypatch, capsys):
    monkeypatch.setattr(textual_inversion.core.embeddings_folder.create, "create", lambda _host, **values: None)
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
    assert json.loads(capsys.readouterr().out)["paths"] == [str(target)]
    assert cli.main(["convert", str(embedding_file), str(tmp_path / "x.bin"), "--format", "odd"]) == 2
    assert "There is no format 'odd'" in capsys.readouterr().err


def test_convert_to_another_family(tmp_path, capsys):
    """An SD 1.x embedding for SDXL: its vectors for the first encoder, the words it began with for the second."""
    rows = torch.randn(2, 32, generator=torch.Generator().manual_seed(3))
    source, target = tmp_path / "sd1.pt", tmp_path / "xl.safetensors"
    write_embedding(Embedding(vectors={"*": rows}, name="cat", notes={"init_text": "red cat"}), source)
    sdxl = str(make_tiny_checkpoint(tmp_path / "xl-model.safetensors", family="sdxl"))
    assert cli.main(["convert", str(source), str(target), "--checkpoint", sdxl]) == 2
    assert "made for another kind of model" in capsys.readouterr().err
    assert cli.main(["convert", str(source), str(target), "--carry-over", "text"]) == 2
    assert "--checkpoint FILE" in capsys.readouterr().err
    assert cli.main(["convert", str(source), str(target), "--checkpoint", sdxl, "--carry-over", "text"]) == 0
    assert "begin as the words 'red cat'" in capsys.readouterr().err
    made = read_embedding(target)
    assert torch.equal(made.vectors["clip_l"], rows)
    assert made.vectors["clip_g"].shape == (2, 64)
    back = tmp_path / "back.pt"
    sd1 = str(make_tiny_checkpoint(tmp_path / "sd1-model.safetensors"))
    assert cli.main(["convert", str(target), str(back), "--checkpoint", sd1, "--carry-over", "text"]) == 0
    assert torch.equal(read_embedding(back).vectors["*"], rows)

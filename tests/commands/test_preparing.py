"""`preprocess` and `caption`."""

from __future__ import annotations

import json

import pytest
import torch
from mixed_files import make_folder, scene

from textual_inversion import cli
from textual_inversion.core.dataset.captions import caption_of
from textual_inversion.core.dataset.find import find_pictures


@pytest.fixture
def raw(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_folder(tmp_path / "raw", 15)
    return tmp_path / "raw"


@pytest.fixture
def tagger(tmp_path):
    from textual_inversion.prepare.captions.deepdanbooru import CONVOLUTIONS, _blocks

    weights = {"n_Conv_0.weight": torch.zeros(1, 3, 7, 7), f"n_Conv_{CONVOLUTIONS - 1}.weight": torch.zeros(2, 1, 1, 1)}
    for numbers, _ in _blocks():
        for place, number in enumerate(numbers):
            if number is not None:
                size = 3 if place == 1 else 1
                weights[f"n_Conv_{number}.weight"] = torch.zeros(1, 1, size, size)
    torch.save({**weights, "tags": ["1girl", "long_hair"]}, tmp_path / "tagger.pt")
    return str(tmp_path / "tagger.pt")


def test_as_the_contract_has_it(raw, tmp_path, capsys):
    arguments = [
        "preprocess",
        "raw",
        "done",
        "--width",
        "64",
        "--height",
        "64",
        "--fit",
        "focal",
        "--split",
        "--flip",
        "h",
    ]
    assert cli.main([*arguments, "--existing", "keep", "--threshold", "0.75", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["counts"]["made"], told["results"]) == (10, 20)
    assert len(find_pictures([tmp_path / "done"]).pictures) == 20
    assert cli.main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["there"] == 10


@pytest.mark.parametrize("fit", ["center", "auto", "stretch"])
def test_each_way_to_fit(raw, fit, capsys):
    assert cli.main(["preprocess", "raw", "done", "--width", "64", "--height", "128", "--fit", fit]) == 0
    assert "pictures made from" in capsys.readouterr().out


def test_tags_in_names(raw, tmp_path, tagger, capsys):
    arguments = ["--caption", "deepbooru", "--caption-to", "name", "--threshold", "0.4", "--tagger-file", tagger]
    assert cli.main(["preprocess", "raw", "done", "--width", "64", "--height", "64", *arguments]) == 0
    captions = {caption_of(each.path, each.caption) for each in find_pictures([tmp_path / "done"]).pictures}
    assert captions == {"1girl, long hair"}


def test_captions_in_place(tmp_path, monkeypatch, tagger, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / "pictures").mkdir(exist_ok=True)
        scene((64, 64), 1).save(tmp_path / "pictures" / f"{name}.png")
    (tmp_path / "pictures" / "a.txt").write_text("mine")
    command = ["caption", "pictures", "--with", "deepbooru", "--threshold", "0.5", "--tagger-file", tagger]
    assert cli.main(command) == 0
    read = lambda: [(tmp_path / "pictures" / f"{name}.txt").read_text() for name in ("a", "b")]  # noqa: E731
    assert read() == ["mine", "1girl, long hair"]
    assert cli.main([*command, "--existing", "append", "--prefix", "a photo, "]) == 0
    assert read() == ["a photo, 1girl, long hair, mine", "a photo, 1girl, long hair, 1girl, long hair"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["preprocess", "raw", "raw"], "The destination is the source"),
        (["preprocess", "nowhere", "done"], "does not exist"),
        (["preprocess", "raw", "done", "--width", "10"], "Width: 10 is not between 64 and 4096. (--width)"),
        (["preprocess", "raw", "done", "--caption", "deepbooru"], "There is no tagger in"),
        (["preprocess", "raw", "done", "--caption", "blip"], "There is no BLIP model in"),
        (["caption", "raw", "--with", "blip", "--blip-folder", "x"], "There is no BLIP model in x"),
        (["caption", "nowhere", "--with", "blip"], "does not exist"),
    ],
)
def test_mistakes_are_sentences(raw, capsys, arguments, told):
    assert cli.main(arguments) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [["preprocess", "raw"], ["caption", "raw"], ["preprocess", "a", "b", "--fit", "no"]]
)
def test_usage(arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2

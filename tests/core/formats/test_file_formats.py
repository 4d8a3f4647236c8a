"""The one table of formats, and what is made from it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from textual_inversion import cli
from textual_inversion.core.base.errors import FileFormatError
from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import FORMATS, read_embedding, write_embedding
from textual_inversion.core.formats.documentation import PAGES, with_formats
from textual_inversion.core.formats.write import WRITERS
from textual_inversion.core.settings.file_formats import PROGRAMS, READ_ONLY, programs_that_do_not_load

ROWS = torch.randn(2, 768, generator=torch.Generator().manual_seed(1))
BIG = torch.randn(2, 1280, generator=torch.Generator().manual_seed(2))
T5 = torch.randn(2, 4096, generator=torch.Generator().manual_seed(3))


def embedding(name: str = "tifox", **more: object) -> Embedding:
    return Embedding(vectors={"*": ROWS}, name=name, step=1500, **more)


def test_each_row_has_a_writer_and_says_something_of_each_program() -> None:
    assert set(WRITERS) == set(FORMATS)
    assert not set(READ_ONLY) & set(FORMATS)
    for form in FORMATS.values():
        assert form.loads
        assert set(form.loads) <= set(PROGRAMS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_are_made_from_it(page: Path) -> None:
    """Written anew by ``python -m textual_inversion.core.formats.documentation``."""
    text = page.read_text(encoding="utf-8")
    assert with_formats(text) == text
    assert "<!-- formats: " in text


def test_help_lists_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["convert", "--help"])
    told = capsys.readouterr().out
    assert all(name in told for name in FORMATS)


@pytest.mark.parametrize(
    ("name", "encoders", "ending", "unread"),
    [
        ("a1111", 1, ".pt", ("OneTrainer",)),
        ("a1111", 1, ".bin", ("SD.Next", "OneTrainer")),
        ("safetensors", 1, ".safetensors", ("OneTrainer",)),
        ("safetensors", 2, ".safetensors", ()),
        ("sdxl", 2, ".pt", ("ai-toolkit",)),
        ("diffusers", 1, ".bin", ("InvokeAI", "SD.Next", "OneTrainer")),
        ("onetrainer", 1, ".safetensors", ("InvokeAI",)),
        ("onetrainer", 2, ".safetensors", ()),
        ("concept-library", 1, "", ("InvokeAI",)),
    ],
)
def test_programs_that_do_not_read_it(name: str, encoders: int, ending: str, unread: tuple[str, ...]) -> None:
    assert programs_that_do_not_load(name, encoders=encoders, ending=ending) == unread


def test_convert_says_who_does_not_read_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_embedding(embedding("MyThing"), tmp_path / "a.pt")
    assert cli.main(["convert", str(tmp_path / "a.pt"), str(tmp_path / "b.bin")]) == 0
    told = capsys.readouterr().err
    assert (
        "Files in the format 'diffusers' are not read by InvokeAI, SD.Next, OneTrainer (or not the whole of them)."
        in told
    )
    assert "takes only the first of 2 vectors where a token holds capitals: load it there as token='mything'" in told
    assert cli.main(["convert", str(tmp_path / "a.pt"), str(tmp_path / "c.pt"), "--format", "ldm", "--json"]) == 0
    (note,) = json.loads(capsys.readouterr().out)["notes"]
    assert (
        "InvokeAI, AUTOMATIC1111, Forge Classic, diffusers, kohya, OneTrainer, ai-toolkit, stable-diffusion.cpp" in note
    )


@pytest.mark.parametrize("name", ["hcp", "sdxl"])
def test_a_format_for_sdxl_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    write_embedding(embedding(), tmp_path / "a.pt")
    assert cli.main(["convert", str(tmp_path / "a.pt"), str(tmp_path / "b.pt"), "--format", name]) == 2
    told = capsys.readouterr().err
    assert (
        f"The format {name!r} is for SDXL embeddings (clip_l and clip_g), and this one has vectors of width 768" in told
    )


def test_pivotal_tuning(tmp_path: Path) -> None:
    file = tmp_path / "fox_emb.safetensors"
    save_file({"text_encoders_0": ROWS, "text_encoders_1": BIG}, file)
    found = read_embedding(file)
    assert found.file_format == "pivotal"
    assert torch.equal(found.vectors["clip_l"], ROWS)
    assert torch.equal(found.vectors["clip_g"], BIG)
    (write_embedding(found, tmp_path / "x.safetensors"))
    assert torch.equal(read_embedding(tmp_path / "x.safetensors").vectors["clip_g"], BIG)


@pytest.mark.parametrize("suffix", [".pti", ".bin"])
def test_pivotal_tuning_of_one_encoder(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"embeddings{suffix}"
    save_file({"text_encoders_0": ROWS}, file) if suffix == ".pti" else torch.save({"text_encoders_0": ROWS}, file)
    found = read_embedding(file)
    assert (set(found.vectors), found.file_format, found.remarks) == ({"*"}, "pivotal", ())


@pytest.mark.parametrize(
    ("tensors", "left"),
    [
        ({"clip_l": ROWS, "clip_g": BIG, "t5xxl": T5}, "t5xxl"),
        ({"text_encoders_0": ROWS, "text_encoders_1": T5}, "text_encoders_1"),
        ({"clip_l": ROWS, "t5": T5}, "t5"),
    ],
)
def test_encoders_that_no_model_has_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tensors: dict[str, torch.Tensor], left: str
) -> None:
    file = tmp_path / "fox.safetensors"
    save_file(tensors, file)
    (remark,) = read_embedding(file).remarks
    assert remark.startswith(
        f"Left out: the vectors of {left} (2 x 4096), a text encoder that SD 1.x, 2.x and SDXL do not have"
    )
    assert cli.main(["inspect", str(file)]) == 0
    assert remark in capsys.readouterr().out
    assert cli.main(["convert", str(file), str(tmp_path / "x.safetensors"), "--format", "safetensors"]) == 0
    assert remark in capsys.readouterr().err


def test_other_tensors_beside_are_no_embedding(tmp_path: Path) -> None:
    save_file({"t5xxl": T5}, tmp_path / "x.safetensors")
    with pytest.raises(FileFormatError, match=r"it holds 1 tensors \(t5xxl\)"):
        read_embedding(tmp_path / "x.safetensors")


@pytest.mark.parametrize("shape", [(1, 1, 768), (1, 2, 768), (1, 1, 1, 768), (1, 1, 2, 768), (768,), (1, 768)])
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_dimensions_of_one_in_front(tmp_path: Path, shape: tuple[int, ...], suffix: str) -> None:
    values = torch.randn(shape)
    file = tmp_path / f"x{suffix}"
    save_file({"emb_params": values}, file) if suffix == ".safetensors" else torch.save({"emb_params": values}, file)
    assert torch.equal(read_embedding(file).vectors["*"], values.reshape(-1, 768))


@pytest.mark.parametrize(
    ("quoted", "name"), [('"tifox"', "tifox"), ('"v1 \\"x\\""', 'v1 "x"'), ("plain", "plain"), ("null", "null")]
)
@pytest.mark.parametrize("xl", [False, True])
def test_ai_toolkits_metadata_is_json(tmp_path: Path, quoted: str, name: str, xl: bool) -> None:
    tensors = {"clip_l": ROWS, "clip_g": BIG} if xl else {"emb_params": ROWS}
    metadata = {"name": quoted, "step": "1500", "sd_checkpoint": "null", "sd_checkpoint_name": "null", "notes": "null"}
    save_file(tensors, tmp_path / "x.safetensors", {**metadata, "string_to_token": '{"*": 265}'})
    found = read_embedding(tmp_path / "x.safetensors")
    assert (found.name, found.step, found.checkpoint_hash, found.checkpoint_name) == (name, 1500, None, None)
    assert dict(found.notes) == {}
    write_embedding(found, tmp_path / "x.bin", file_format="diffusers")
    assert read_embedding(tmp_path / "x.bin").name == name


def test_ai_toolkit_finds_our_step(tmp_path: Path) -> None:
    """As its ``load_embedding_from_file`` does: ``step`` counts where the metadata says where the vectors are."""
    write_embedding(embedding(), tmp_path / "x.safetensors")
    with safe_open(tmp_path / "x.safetensors", framework="pt") as file:
        metadata = file.metadata()
        assert json.loads(metadata["string_to_param"]) == {"*": "emb_params"}
        assert json.loads(metadata["step"]) == 1500
        assert list(file.keys()) == ["emb_params"]


def test_kohyas_architecture_is_one_that_it_knows(tmp_path: Path) -> None:
    write_embedding(Embedding(vectors={"*": torch.ones(1, 1024)}), tmp_path / "x.safetensors", file_format="kohya")
    with safe_open(tmp_path / "x.safetensors", framework="pt") as file:
        assert file.metadata()["modelspec.architecture"] == "stable-diffusion-v2-768-v/textual-inversion"


def test_convert_writes_over_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_embedding(embedding(), tmp_path / "a.pt")
    other = tmp_path / "b.pt"
    write_embedding(Embedding(vectors={"*": ROWS * 2}, name="trained for hours"), other)
    before = other.read_bytes()
    asked = ["convert", str(tmp_path / "a.pt"), str(other)]
    assert cli.main(asked) == 2
    assert (
        "b.pt is there already and holds something else. Choose another name, or overwrite it."
        in capsys.readouterr().err
    )
    assert other.read_bytes() == before
    assert cli.main([*asked, "--overwrite"]) == 0
    assert cli.main(asked) == 0, "the same embedding once more"
    assert cli.main([*asked, "--format", "kohya"]) == 0, "and in another format"
    (tmp_path / "empty.pt").touch()
    assert cli.main(["convert", str(tmp_path / "a.pt"), str(tmp_path / "empty.pt")]) == 0
    notes = tmp_path / "folder" / "README.md"
    notes.parent.mkdir()
    notes.write_text("by hand")
    assert cli.main(["convert", str(tmp_path / "a.pt"), str(notes.parent), "--format", "concept-library"]) == 2
    assert notes.read_text() == "by hand"


def test_nor_over_the_second_file_of_a_pair(tmp_path: Path) -> None:
    both = Embedding(vectors={"clip_l": ROWS, "clip_g": BIG}, name="tifox")
    write_embedding(both, tmp_path / "a.safetensors")
    (tmp_path / "b_2.bin").write_bytes(b"mine")
    assert cli.main(["convert", str(tmp_path / "a.safetensors"), str(tmp_path / "b.bin")]) == 2
    assert (tmp_path / "b_2.bin").read_bytes() == b"mine"
    assert not (tmp_path / "b.bin").exists()

"""diffusers' pair of files for SDXL, and folders as in the concepts library."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from format_samples import about, same_vectors, sample, sdxl_sample
from PIL import Image
from safetensors.torch import load_file, save_file

from textual_inversion.core.base.errors import FileFormatError, InputError
from textual_inversion.core.formats import read_embedding, write_embedding


@pytest.mark.parametrize("stem", ["learned_embeds", "learned_embeds-steps-500", "my cat"])
def test_a_pair_is_read_from_either_half(tmp_path: Path, stem: str) -> None:
    embedding = sdxl_sample(name="<cat>", step=4)
    files = write_embedding(embedding, tmp_path / f"{stem}.safetensors", file_format="diffusers")
    assert len(files) == 2
    assert {width for file in files for width in (load_file(file)["<cat>"].shape[1],)} == {768, 1280}
    for file in files:
        found = read_embedding(file)
        assert same_vectors(embedding, found)
        assert about(found) == about(embedding)
    assert (tmp_path / "learned_embeds_2-steps-500.safetensors").exists() == (stem == "learned_embeds-steps-500")


def test_a_folder_with_a_pair(tmp_path: Path) -> None:
    embedding = sdxl_sample(name="<cat>")
    write_embedding(embedding, tmp_path / "learned_embeds.safetensors", file_format="diffusers")
    assert same_vectors(embedding, read_embedding(tmp_path))


def test_the_second_half_alone_is_explained(tmp_path: Path) -> None:
    save_file({"<cat>": torch.ones(1, 1280)}, tmp_path / "learned_embeds_2.safetensors")
    with pytest.raises(FileFormatError, match=r"second half .* learned_embeds\.safetensors, is missing"):
        read_embedding(tmp_path / "learned_embeds_2.safetensors")


@pytest.mark.parametrize(
    "other", [{"<dog>": torch.ones(1, 1280)}, {"<cat>": torch.ones(2, 1280)}, {"<cat>": torch.ones(1, 768)}]
)
def test_files_that_do_not_belong_together_stay_apart(tmp_path: Path, other: dict[str, torch.Tensor]) -> None:
    save_file({"<cat>": torch.ones(1, 768)}, tmp_path / "cat.safetensors")
    save_file(other, tmp_path / "cat_2.safetensors")
    assert set(read_embedding(tmp_path / "cat.safetensors").vectors) == {"*"}


def test_a_neighbour_that_is_broken_spoils_nothing(tmp_path: Path) -> None:
    save_file({"<cat>": torch.ones(1, 768)}, tmp_path / "cat.safetensors")
    (tmp_path / "cat_2.safetensors").write_bytes(b"broken")
    assert read_embedding(tmp_path / "cat.safetensors").name == "<cat>"


def test_a_broken_second_half_is_named(tmp_path: Path) -> None:
    save_file({"<cat>": torch.ones(1, 768)}, tmp_path / "learned_embeds.safetensors")
    (tmp_path / "learned_embeds_2.safetensors").write_bytes(b"broken")
    with pytest.raises(FileFormatError, match=r"learned_embeds_2\.safetensors"):
        read_embedding(tmp_path / "learned_embeds.safetensors")


@pytest.mark.parametrize("embedding", [sample(name="<cat>", step=9), sdxl_sample(name="<cat>", step=9)])
def test_a_concept_library_folder(tmp_path: Path, embedding: object) -> None:
    folder = tmp_path / "cat"
    picture = Image.new("RGBA", (20, 20), "red")
    files = write_embedding(embedding, folder, file_format="concept-library", pictures=[picture, picture])  # type: ignore[arg-type]
    assert all(file.is_file() for file in files)
    assert (folder / "token_identifier.txt").read_text() == "<cat>"
    assert "`<cat>`" in (folder / "README.md").read_text()
    assert sorted(file.name for file in (folder / "concept_images").iterdir()) == ["0.jpeg", "1.jpeg"]
    found = read_embedding(folder)
    assert same_vectors(embedding, found)  # type: ignore[arg-type]
    assert (found.name, found.file_format) == ("<cat>", "concept-library")


def test_a_library_needs_a_token(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no name"):
        write_embedding(sample(), tmp_path / "cat", file_format="concept-library")
    assert not (tmp_path / "cat").exists()


def test_a_folder_without_an_embedding(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"neither learned_embeds\.bin nor"):
        read_embedding(tmp_path)

"""diffusers' `load_textual_inversion` takes our files, and we take those that its training example writes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline
from diffusers.loaders import TextualInversionLoaderMixin
from safetensors.torch import save_file
from tiny_text_encoder import WIDTH, embedding_vectors, write_text_encoder_folder
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from textual_inversion.core.embedding.embedding import Embedding
from textual_inversion.core.formats import read_embedding, write_embedding

VECTORS = embedding_vectors("for diffusers", 3)


class TextPipeline(DiffusionPipeline, TextualInversionLoaderMixin):
    """As much of a pipeline as loading an embedding needs."""

    def __init__(self, tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel) -> None:
        super().__init__()
        self.register_modules(tokenizer=tokenizer, text_encoder=text_encoder)

    def rows(self, token: str, count: int) -> torch.Tensor:
        tokens = [token, *(f"{token}_{i}" for i in range(1, count))]
        ids = self.tokenizer.convert_tokens_to_ids(tokens)
        return self.text_encoder.get_input_embeddings().weight[ids].detach()


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> TextPipeline:
    folder = tmp_path_factory.mktemp("encoder")
    write_text_encoder_folder(folder)
    config = CLIPTextConfig(
        hidden_size=WIDTH, intermediate_size=WIDTH, num_hidden_layers=1, num_attention_heads=1, vocab_size=49408
    )
    return TextPipeline(CLIPTokenizer.from_pretrained(folder), CLIPTextModel(config))


@pytest.mark.parametrize(
    ("file_format", "suffix"),
    [
        ("a1111", ".pt"),
        ("safetensors", ".safetensors"),
        ("diffusers", ".safetensors"),
        ("diffusers", ".bin"),
        ("kohya", ".safetensors"),
        ("invoke", ".safetensors"),
        ("onetrainer", ".safetensors"),
    ],
)
def test_diffusers_loads_what_we_write(file_format: str, suffix: str, pipeline: TextPipeline, tmp_path: Path) -> None:
    path = tmp_path / f"file{suffix}"
    embedding = Embedding(vectors={"clip_l": VECTORS}, name="<blue-cat>", step=7, notes={"init text": "cat"})
    write_embedding(embedding, path, file_format=file_format)
    token = f"<{file_format}{suffix}>"
    pipeline.load_textual_inversion(str(path), token=token)
    assert torch.equal(pipeline.rows(token, 3), VECTORS)


@pytest.mark.parametrize("suffix", [".pt", ".bin"])
def test_diffusers_finds_our_token(suffix: str, pipeline: TextPipeline, tmp_path: Path) -> None:
    path = tmp_path / f"file{suffix}"
    write_embedding(Embedding(vectors={"clip_l": VECTORS}, name=f"<cat{suffix}>"), path)
    pipeline.load_textual_inversion(str(path))
    assert torch.equal(pipeline.rows(f"<cat{suffix}>", 3), VECTORS)


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_we_read_what_its_example_writes(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"learned_embeds{suffix}"
    state = {"<cat-toy>": VECTORS}
    if suffix == ".bin":
        torch.save(state, path)
    else:
        save_file(state, path, metadata={"format": "pt"})
    embedding = read_embedding(path)
    assert embedding.name == "<cat-toy>"
    assert torch.equal(embedding.vectors["*"], VECTORS)

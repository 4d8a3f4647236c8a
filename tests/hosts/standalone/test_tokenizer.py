"""Token ids equal those of the tokenizers that A1111 uses."""

from __future__ import annotations

import json
from pathlib import Path

import ftfy
import open_clip
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from textual_inversion.core.base.errors import FileFormatError
from textual_inversion.hosts.standalone.checkpoint.tokenizer import ClipTokenizer, _packaged

TEXT = st.text(alphabet=st.sampled_from("abcXYZé猫 \n\t019,.'\"()[]<>|:&;-_!?ß’“😀"), max_size=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vocabulary")
    vocabulary, merges = _packaged("clip")
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(map(" ".join, merges)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def hugging_face(folder: Path) -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


@pytest.fixture(scope="module")
def clip() -> ClipTokenizer:
    return ClipTokenizer.load()


@pytest.fixture(scope="module")
def open_clips() -> ClipTokenizer:
    return ClipTokenizer.load("open_clip")


@settings(max_examples=200, deadline=None)
@given(text=TEXT)
def test_ids_of_sd2_are_open_clips(text: str, open_clips: ClipTokenizer) -> None:
    assert open_clips.encode(text) == open_clip.tokenizer._tokenizer.encode(text)


@settings(max_examples=200, deadline=None)
@given(text=TEXT)
def test_ids_of_sd1_are_hugging_faces(text: str, clip: ClipTokenizer, hugging_face: CLIPTokenizer) -> None:
    """A1111 has ftfy installed, so its (slow) tokenizer mends the text first; the quick one of today does not."""
    assert clip.encode(text) == hugging_face(ftfy.fix_text(text), add_special_tokens=False)["input_ids"]


def test_a_vocabulary_of_its_own_is_used(folder: Path, tmp_path: Path, clip: ClipTokenizer) -> None:
    assert ClipTokenizer.load(folder=folder).encode("a photo of a cat") == ClipTokenizer.load().encode(
        "a photo of a cat"
    )
    assert ClipTokenizer.load(folder=tmp_path).encode("cat") == [2368]
    (tmp_path / "merges.txt").write_text("a b c\n")
    (tmp_path / "vocab.json").write_text("{}")
    with pytest.raises(FileFormatError, match="not a CLIP vocabulary"):
        ClipTokenizer.load(folder=tmp_path)


def test_tokens_read_as_words(clip: ClipTokenizer) -> None:
    assert [clip.token_text(i) for i in clip.encode("Cat, café")] == ["cat", ",", "café"]
    assert clip.token_text(49407) == "<|endoftext|>"
    assert clip.token_text(10**6) == ""

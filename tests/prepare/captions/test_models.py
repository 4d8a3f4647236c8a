"""Captioning models standalone, with small random weights: the loading is real, the words are not."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mixed_files import scene
from torch import nn

from textual_inversion.core.base.errors import FileFormatError, InputError
from textual_inversion.core.model.captioning import SentenceRules
from textual_inversion.prepare.captions.deepdanbooru import CONVOLUTIONS, _blocks, load_deepdanbooru
from textual_inversion.prepare.captions.local_models import LocalModels
from textual_inversion.prepare.captions.taggers import opened_tagger
from textual_inversion.prepare.captions.wd_tagger import WdTagger

TAGS = ["1girl", "long_hair", "rating:safe"]


def narrow_danbooru(path, *, tags=TAGS, leave_out=-1):
    """A DeepDanbooru file whose layers have 2 or 4 channels."""
    random = torch.Generator().manual_seed(0)
    weights: dict[str, object] = {}

    def convolution(number, into, out, size, *, bias=True):
        if number != leave_out:
            weights[f"n_Conv_{number}.weight"] = torch.randn(out, into, size, size, generator=random) * 0.3
            if bias:
                weights[f"n_Conv_{number}.bias"] = torch.zeros(out)

    convolution(0, 3, 4, 7)
    for (narrow, middle, wide, shortcut), _ in _blocks():
        convolution(narrow, 4, 2, 1)
        convolution(middle, 2, 2, 3)
        convolution(wide, 2, 4, 1)
        if shortcut is not None:
            convolution(shortcut, 4, 4, 1)
    convolution(CONVOLUTIONS - 1, 4, len(tags), 1, bias=False)
    torch.save({**weights, "tags": tags}, path)
    return path


def test_the_network_has_the_shape_of_the_file_that_is_known():
    """Of model-resnet_custom_v3.pt: 179 convolutions; where the blocks with a shortcut are, and which halve the size."""
    assert CONVOLUTIONS == 179
    shortcuts = [(shortcut, stride) for (_, _, _, shortcut), stride in _blocks() if shortcut is not None]
    assert shortcuts == [(1, 1), (11, 2), (36, 2), (100, 2), (158, 2), (168, 2)]


def test_deepdanbooru(tmp_path):
    model = load_deepdanbooru(narrow_danbooru(tmp_path / "model.pt"), torch.device("cpu"))
    wide, other = scene((90, 40), 1), scene((64, 64), 2)
    together = model.scores([wide, other])
    assert [list(scores) for scores in together] == [TAGS, TAGS]
    for one, many in zip((wide, other), together, strict=True):
        assert model.scores([one])[0] == pytest.approx(many, abs=1e-5)
    assert all(0 <= score <= 1 for scores in together for score in scores.values())


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.write_bytes(b"no model"), "cannot be read as a DeepDanbooru model"),
        (lambda path: torch.save([1], path), "is no DeepDanbooru model"),
        (lambda path: torch.save({"a": torch.zeros(1)}, path), "no list of tags"),
        (lambda path: narrow_danbooru(path, leave_out=77), "convolution 77 is missing"),
        (
            lambda path: torch.save({**torch.load(narrow_danbooru(path), weights_only=True), "tags": ["x"]}, path),
            "does not fit",
        ),
        (lambda path: torch.save(nn.Linear(1, 1), path), "cannot be read"),
    ],
)
def test_other_files_are_refused(tmp_path, spoil, told):
    path = tmp_path / "model.pt"
    spoil(path)
    with pytest.raises(FileFormatError, match=told), opened_tagger(path):
        pass


def test_missing_models_say_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="releases of AUTOMATIC1111/TorchDeepDanbooru"), LocalModels().deepbooru():
        pass
    with pytest.raises(InputError, match="Salesforce/blip-image-captioning-base"), LocalModels().blip(SentenceRules()):
        pass
    with pytest.raises(InputError, match="There is no tagger at"), opened_tagger(tmp_path / "x.pt"):
        pass


def test_a_tagger_in_the_models_folder_is_found(tmp_path):
    folder = tmp_path / "torch_deepdanbooru"
    folder.mkdir()
    narrow_danbooru(folder / "model-resnet_custom_v3.pt")
    with LocalModels(tmp_path).deepbooru() as tagger:
        assert list(tagger.scores([scene((32, 32), 1)])[0]) == TAGS


class Session:
    """An onnxruntime session that says how red the middle of the picture is."""

    def __init__(self, outputs=3):
        self._outputs = outputs

    def get_inputs(self):
        return [SimpleNamespace(name="input", shape=["batch", 8, 8, 3])]

    def run(self, _outputs, given):
        (pixels,) = given.values()
        assert (pixels.shape, pixels.dtype) == ((1, 8, 8, 3), np.float32)
        red = pixels[0, 4, 4, 2] / 255  # BGR
        return [np.array([[red, 1 - red, 0.5][: self._outputs]])]


def test_wd_tagger():
    from PIL import Image

    tagger = WdTagger(Session(), TAGS)
    red, blue = Image.new("RGB", (30, 30), (255, 0, 0)), Image.new("RGB", (10, 40), (0, 0, 255))
    assert [scores["1girl"] for scores in tagger.scores([red, blue])] == pytest.approx([1, 0], abs=0.1)
    with pytest.raises(FileFormatError, match="they belong to different models"):
        WdTagger(Session(outputs=2), TAGS).scores([red])


def test_wd_tagger_without_its_list_or_library(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"x")
    with pytest.raises(InputError, match=r"selected_tags\.csv is missing"), opened_tagger(path):
        pass
    (tmp_path / "selected_tags.csv").write_text("nothing\n1\n")
    with pytest.raises(FileFormatError, match="columns name and category"), opened_tagger(path):
        pass
    (tmp_path / "selected_tags.csv").write_text("tag_id,name,category,count\n1,safe,9,5\n2,1girl,0,4\n")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match="pip install onnxruntime"), opened_tagger(path):
        pass


@pytest.fixture
def blip_folder(tmp_path):
    transformers = pytest.importorskip("transformers")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]", *(f"word{n}" for n in range(57))]
    folder = tmp_path / "BLIP" / "small"
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(words))
    text = {
        "vocab_size": 64, "hidden_size": 16, "encoder_hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "max_position_embeddings": 32, "bos_token_id": 5, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0, "projection_dim": 16,
    }  # fmt: skip
    vision = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 16,
    }
    config = transformers.BlipConfig(text_config=text, vision_config=vision, projection_dim=16)
    torch.manual_seed(0)
    transformers.BlipForConditionalGeneration(config).save_pretrained(folder)
    processor = transformers.BlipImageProcessor(size={"height": 32, "width": 32})
    processor.save_pretrained(folder)
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "do_lower_case": True})
    )
    return tmp_path


@pytest.mark.parametrize("beams", [1, 2])
def test_blip(blip_folder, beams):
    with LocalModels(blip_folder).blip(SentenceRules(num_beams=beams, min_length=3, max_length=6)) as model:
        pictures = [scene((60, 40), 1), scene((32, 32), 2)]
        texts = model.caption(pictures)
        assert texts == model.caption(pictures)
    assert len(texts) == 2
    assert all(text.startswith("word") for text in texts)


def test_a_blip_folder_of_something_else(tmp_path):
    (tmp_path / "BLIP").mkdir()
    (tmp_path / "BLIP" / "config.json").write_text("{}")
    with pytest.raises(InputError, match="cannot be read") as caught, LocalModels(tmp_path).blip(SentenceRules()):
        pass
    assert caught.value.field == "blip_folder"

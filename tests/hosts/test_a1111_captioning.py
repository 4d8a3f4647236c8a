"""A1111's captioning models, with stand-ins for its modules: what is loaded, kept and moved, and what is said when it fails."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from mixed_files import scene

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.model.captioning import SentenceRules

OURS = ("textual_inversion.hosts.a1111.model.captioning", "textual_inversion.hosts.webui_page.caption_settings")
"""Modules of ours that take the web UI's at their import."""

OPTIONS = SimpleNamespace(
    interrogate_deepbooru_score_threshold=0.75,
    deepbooru_sort_alpha=False,
    deepbooru_use_spaces=True,
    deepbooru_escape=True,
    deepbooru_filter_tags="solo",
    interrogate_clip_num_beams=2.0,
    interrogate_clip_min_length=24.0,
    interrogate_clip_max_length=48.0,
    postprocessing_existing_caption_action="Prepend",
    data_labels={},
)
OPTIONS.data = dict(vars(OPTIONS))


class Booru(torch.nn.Module):
    tags = ("dark", "bright")

    def forward(self, pixels):
        bright = pixels.mean(dim=(1, 2, 3))
        return torch.stack([1 - bright, bright], dim=1)


@pytest.fixture
def webui(monkeypatch):
    """The modules that the adapter imports, and what they were told."""
    told: list[str] = []
    booru = SimpleNamespace(model=Booru(), start=lambda: told.append("start"), stop=lambda: told.append("stop"))
    interrogator = SimpleNamespace(
        blip_model=None,
        running_on_cpu=True,
        load_blip_model=lambda: told.append("load") or torch.nn.Linear(1, 1),
        send_blip_to_ram=lambda: told.append("to ram"),
    )
    modules = {
        "deepbooru": SimpleNamespace(model=booru),
        "devices": SimpleNamespace(
            torch_gc=lambda: None,
            device=torch.device("cpu"),
            device_interrogate=torch.device("cpu"),
            dtype=torch.float32,
            autocast=torch.no_grad,
        ),
        "images": SimpleNamespace(resize_image=lambda _mode, image, width, height: image.resize((width, height))),
        "interrogate": SimpleNamespace(blip_image_eval_size=384),
        "lowvram": SimpleNamespace(send_everything_to_cpu=lambda: told.append("room")),
        "paths": SimpleNamespace(models_path="models"),
        "shared": SimpleNamespace(opts=OPTIONS, cmd_opts=SimpleNamespace(no_half=True), interrogator=interrogator),
    }
    package = ModuleType("modules")
    for name, module in modules.items():
        setattr(package, name, module)
    monkeypatch.setitem(sys.modules, "modules", package)
    for name in OURS:
        monkeypatch.delitem(sys.modules, name, raising=False)
    captioning = importlib.import_module("textual_inversion.hosts.a1111.model.captioning")
    yield SimpleNamespace(
        captioning=captioning, models=captioning.A1111CaptionModels(), told=told, booru=booru, interrogator=interrogator
    )
    for name in OURS:
        sys.modules.pop(name, None)


def test_its_settings_are_the_defaults(webui):
    from textual_inversion.core.base.options import build
    from textual_inversion.prepare.settings import PrepareSettings

    settings = build(PrepareSettings, webui.models.defaults)
    assert (settings.threshold, settings.sort_tags, settings.filter_tags, settings.existing) == (
        0.75,
        False,
        "solo",
        "prepend",
    )
    assert (settings.num_beams, settings.min_length, settings.max_length) == (2, 24, 48)


def test_deepbooru_in_batches(webui):
    from PIL import Image

    with webui.models.deepbooru() as tagger:
        white, black = Image.new("RGB", (60, 30), "white"), Image.new("RGB", (10, 10), "black")
        scores = tagger.scores([white, black])
    assert [round(each["bright"], 3) for each in scores] == [1, 0]
    assert webui.told == ["room", "start", "stop"]


def test_deepbooru_that_cannot_be_loaded_leaves_no_empty_model(webui):
    def fail():
        raise OSError("no network")

    webui.booru.start = fail
    with pytest.raises(InputError, match=r"no network.*models/torch_deepdanbooru/model-resnet_custom_v3\.pt"):
        webui.models.deepbooru().__enter__()
    assert webui.booru.model is None


def test_blip_is_kept_where_the_web_ui_finds_it(webui):
    for _ in range(2):
        with webui.models.blip(SentenceRules()):
            assert webui.interrogator.blip_model is not None
    assert webui.told == ["room", "load", "to ram", "room", "to ram"]


def test_blip_goes_to_memory_after_a_fault(webui):
    with pytest.raises(AttributeError), webui.models.blip(SentenceRules()) as model:
        model.caption([scene((9, 9), 1)])  # the stand-in cannot write
    assert webui.told[-1] == "to ram"


def test_blip_that_cannot_be_loaded(webui):
    def fail():
        raise IndexError("list index out of range")

    webui.interrogator.load_blip_model = fail
    with pytest.raises(InputError, match="models/BLIP/model_base_caption_capfilt_large.pth"):
        webui.models.blip(SentenceRules()).__enter__()


def test_pictures_for_blip(webui):
    pixels = webui.captioning._blip_pixels(scene((90, 60), 1))
    assert (pixels.shape, pixels.dtype) == ((3, 384, 384), torch.float32)
    assert -2.5 < float(pixels.mean()) < 2.5

from __future__ import annotations

import json
from pathlib import Path

import pytest
from engine_world import make_world

from textual_inversion.core.estimates.memory import MemoryEstimate, estimate_memory
from textual_inversion.core.estimates.time import PastPace, estimate_seconds, recent_paces, spoken, work_of
from textual_inversion.core.model.host import Recompute
from textual_inversion.core.model.shape import ModelShape, TextShape, unet_blocks
from textual_inversion.core.settings.train_config import TrainConfig

SD15 = ModelShape(
    unet=unet_blocks(channels=(320, 640, 1280, 1280), blocks=2, depths=(1, 1, 1, 0), middle_depth=1),
    text=[TextShape(layers=12, width=768, inner_width=3072)],
    vae_channels=(128, 256, 512, 512),
    weights={"unet": 3_438_000_000, "text": 492_000_000, "vae": 335_000_000},
    device="cpu",
)


def need(
    size: int = 256, *, batch_size: int = 1, recompute: Recompute = "none", shape: ModelShape = SD15
) -> MemoryEstimate:
    return estimate_memory(shape, [(size, size)], batch_size=batch_size, recompute=recompute, previews=False)


def test_the_blocks_are_those_of_sd1() -> None:
    kinds = [block.kind for block in SD15.unet]
    assert (kinds.count("residual"), kinds.count("transformer"), kinds.count("down"), kinds.count("up")) == (
        22,
        16,
        3,
        3,
    )
    up = [block for block in SD15.unet if block.kind == "residual"][-12:]
    assert [block.channels_in for block in up] == [2560, 2560, 2560, 2560, 2560, 1920, 1920, 1280, 960, 960, 640, 640]


def test_what_is_kept_for_the_backward_pass_is_what_torch_was_seen_keeping() -> None:
    """Bytes that saved tensor hooks counted at 128 and 192 pixels (random weights, float32), without the text encoder's."""
    more = need(192).training - need(128).training
    assert more == pytest.approx(206.2e6 - 91.7e6, rel=0.25)


def test_what_helps_and_what_costs() -> None:
    assert need(512).training > 3 * need(256).training - need(128).training
    assert need(512, batch_size=4).training > 2 * need(512).training
    assert need(512, recompute="selective").training < 0.55 * need(512).training
    assert need(512, recompute="full").training < need(512, recompute="selective").training


def test_a_parked_vae_leaves_its_room_to_training() -> None:
    card = ModelShape(**{**vars(SD15), "device": "cuda:0"})
    estimate = need(shape=card)
    assert estimate.parked == SD15.weights["vae"]
    assert estimate.other == 0
    assert estimate.beside_model == estimate.peak - estimate.weights


CONFIG = TrainConfig(width=512, height=512)


def pace(seconds: float, *, device: str = "cpu", widths: tuple[int, ...] = (768,), **config: object) -> PastPace:
    return PastPace(seconds=seconds, work=work_of(CONFIG.replace(**config)), device=device, widths=widths)


def test_time_from_the_same_settings_before_any_other() -> None:
    paces = [pace(9, batch_size=3), pace(2)]
    assert estimate_seconds(CONFIG, 100, paces, device="cpu", widths=[768]) == pytest.approx((170, 250))


def test_time_from_other_settings_is_converted_and_wider() -> None:
    low, high = estimate_seconds(CONFIG, 100, [pace(8, batch_size=4)], device="cpu", widths=[768]) or (0, 0)
    assert low < 200 < high
    assert high > 1.25 * 200


def test_no_time_from_another_device_or_kind_of_model() -> None:
    paces = [pace(1, device="cuda:0"), pace(1, widths=(1024,))]
    assert estimate_seconds(CONFIG, 100, paces, device="cpu", widths=[768]) is None


def test_a_run_leaves_its_pace(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.create()
    config = world.config(steps=12)
    world.train(config)
    (found,) = recent_paces([Path(config.log_dir)])
    assert found.seconds > 0
    assert (found.device, found.work) == ("cpu", work_of(config))
    (file,) = Path(config.log_dir).glob("*/*/pace.json")
    assert json.loads(file.read_text())["steps"] == 9
    file.write_text('{"seconds_per_step": "soon"}')
    assert list(recent_paces([Path(config.log_dir)])) == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        ((10, 15), "about 10 to 15 s"),
        ((100, 150), "about 1.7 to 2.5 min"),
        ((3000, 4000), "about 50 to 67 min"),
        ((9000, 14000), "about 2.5 to 4 h"),
    ],
)
def test_time_in_words(seconds: tuple[float, float], text: str) -> None:
    assert spoken(seconds) == text

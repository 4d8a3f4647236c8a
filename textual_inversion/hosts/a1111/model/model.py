"""Facts of the loaded model, and the models that cannot be lent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modules import devices, sd_models, shared

from ....core.base.errors import LeaseError
from ....core.model.host import CheckpointInfo, LeaseRequest, ModelFamily, NoiseSchedule

_PLAIN_INPUTS, _INPAINTING_INPUTS = 4, 9


def loaded_model() -> Any:
    """The model, loaded if it was not yet. Raises LeaseError where there is none, or not one that can be trained on."""
    model = shared.sd_model
    if model is None:
        raise LeaseError(
            "The web UI has no checkpoint loaded; its console says why. Choose one at the top of the page and try again."
        )
    _refuse(model)
    return model


def _refuse(model: Any) -> None:
    if shared.cmd_opts.lowvram:
        raise LeaseError(
            "The web UI runs with --lowvram, which keeps only a part of the U-Net on the card; nothing can be trained so. "
            "Start it with --medvram instead, or with neither."
        )
    if getattr(model, "is_sd3", False):
        raise LeaseError(
            "The loaded checkpoint is of Stable Diffusion 3. Embeddings can be trained on SD 1.x, SD 2.x and SDXL."
        )
    if devices.fp8:
        raise LeaseError(
            "The web UI keeps the model's weights in 8 bits (Settings > Optimizations > FP8 weight), which is too coarse to "
            "train with. Set that to Disable and try again."
        )
    inputs = input_channels(model)
    if inputs not in (_PLAIN_INPUTS, _INPAINTING_INPUTS) or getattr(model, "cond_stage_key", "") == "edit":
        raise LeaseError(
            f"The loaded checkpoint is of a special kind (its U-Net reads {inputs} channels: pix2pix, depth, unCLIP ...). "
            "Load a plain or an inpainting one."
        )


def input_channels(model: Any) -> int:
    """Count the input channels of the U-Net's first convolution: 4, or 9 for inpainting."""
    return int(model.model.diffusion_model.input_blocks[0][0].weight.shape[1])


def is_inpainting(model: Any) -> bool:
    return input_channels(model) == _INPAINTING_INPUTS


def check_precision(request: LeaseRequest) -> None:
    """The model stays in the precision that the web UI was started with. Raises LeaseError for another one."""
    running = str(devices.dtype_unet).removeprefix("torch.")
    if request.precision not in ("auto", running):
        advice = "Start the web UI with --no-half" if request.precision == "float32" else "Start it without --no-half"
        raise LeaseError(
            f"The web UI runs this model in {running}, not in {request.precision}. {advice}, or choose precision auto.",
            field="precision",
        )


def checkpoint_info(model: Any) -> CheckpointInfo:
    info = model.sd_checkpoint_info
    return CheckpointInfo(name=info.model_name, path=Path(info.filename), sha256=info.sha256 or None)


def noise_schedule(model: Any) -> NoiseSchedule:
    """As a picture would use it now, with the web UI's settings for it (zero terminal SNR)."""
    before = model.alphas_cumprod
    try:
        sd_models.apply_alpha_schedule_override(model)
        alphas = model.alphas_cumprod.detach().cpu().double()  # in this order: Metal has no float64
    finally:
        model.alphas_cumprod = before
    prediction = "v_prediction" if model.parameterization == "v" else "epsilon"
    return NoiseSchedule(alphas_cumprod=alphas, prediction_type=prediction)


def native_size(model: Any, family: ModelFamily) -> int:
    """Side in pixels of the pictures that the checkpoint was made for."""
    if family == "sdxl":
        return 1024
    size = 8 * int(getattr(model, "image_size", 64))
    published = model.model.diffusion_model.model_channels == 320
    return 768 if family == "sd2" and model.parameterization == "v" and published else size

"""Facts of the loaded model, and the models that cannot be lent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from modules import shared

from ....core.base.errors import LeaseError
from ....core.model.host import CheckpointInfo, LeaseRequest, ModelFamily, NoiseSchedule, PredictionType
from ...hijacked_text.encoders import encoders_of

_PLAIN_INPUTS, _INPAINTING_INPUTS = 4, 9
_PREDICTIONS: dict[str, PredictionType] = {"EPS": "epsilon", "V_PREDICTION": "v_prediction"}
_FULL_PRECISION = (torch.float32, torch.float16, torch.bfloat16)
_LEAST_ALPHA = 4.8973451890853435e-08
"""Last alpha that web UIs give a schedule of zero terminal SNR."""
_KINDS = "Embeddings can be trained on SD 1.x, SD 2.x and SDXL."


def loaded_model() -> Any:
    """The model, loaded if it was not yet. Raises LeaseError where there is none, or not one that can be trained on."""
    model = shared.sd_model
    if getattr(model, "forge_objects_original", None) is None:
        raise LeaseError(
            "The web UI has no checkpoint loaded; its console says why. Choose one at the top of the page and try again."
        )
    _refuse(model)
    return model


def _refuse(model: Any) -> None:
    if not hasattr(unet_of(model), "input_blocks"):
        raise LeaseError(f"The loaded checkpoint is none of Stable Diffusion's with a U-Net. {_KINDS}")
    encoders_of(model)
    kind = _model_type(model)
    if kind not in _PREDICTIONS:
        raise LeaseError(
            f"The loaded checkpoint predicts in another way ({kind}: rectified flow, EDM ...) than noise or velocity. Load one that "
            "predicts these."
        )
    inputs = input_channels(model)
    if inputs not in (_PLAIN_INPUTS, _INPAINTING_INPUTS):
        raise LeaseError(
            f"The loaded checkpoint is of a special kind (its U-Net reads {inputs} channels). Load a plain or an inpainting one."
        )
    for part in (unet_of(model), text_of(model)):
        for weight in part.parameters():
            if weight.dtype not in _FULL_PRECISION:
                raise LeaseError(
                    f"The model's weights are kept in fewer bits ({str(weight.dtype).removeprefix('torch.')}), which is too coarse to train "
                    "with. Start the web UI without the options for fp8, and load a checkpoint in 16 or 32 bits."
                )


def unet_of(model: Any) -> Any:
    return model.forge_objects_original.unet.model.diffusion_model


def text_of(model: Any) -> Any:
    """One module with all text encoders."""
    return model.forge_objects_original.clip.cond_stage_model


def vae_of(model: Any) -> Any:
    return model.forge_objects_original.vae.first_stage_model


def unet_dtype(model: Any) -> torch.dtype:
    """Type in which the U-Net computes: another one than that of its weights where the web UI casts them layer by layer."""
    base = model.forge_objects_original.unet.model
    return getattr(base, "manual_cast_dtype", None) or base.get_dtype()


def input_channels(model: Any) -> int:
    """Count the input channels of the U-Net's first convolution: 4, or 9 for inpainting."""
    return int(unet_of(model).input_blocks[0][0].weight.shape[1])


def is_inpainting(model: Any) -> bool:
    return input_channels(model) == _INPAINTING_INPUTS


def check_precision(model: Any, request: LeaseRequest) -> None:
    """The model stays in the precision that the web UI chose. Raises LeaseError for another one."""
    running = str(unet_dtype(model)).removeprefix("torch.")
    if request.precision not in ("auto", running):
        raise LeaseError(
            f"The web UI runs this model in {running}, not in {request.precision}. Choose precision auto, or start the web UI with "
            "--all-in-fp32 or --all-in-fp16.",
            field="precision",
        )


def checkpoint_info(model: Any) -> CheckpointInfo:
    info = model.sd_checkpoint_info
    return CheckpointInfo(name=info.model_name, path=Path(info.filename), sha256=info.sha256 or None)


def noise_schedule(model: Any) -> NoiseSchedule:
    """As a picture would use it now, with the web UI's settings for it (zero terminal SNR)."""
    sigmas = model.forge_objects_original.unet.model.model_sampling.sigmas.detach().cpu().double()
    alphas = 1 / (1 + sigmas**2)
    if getattr(shared.opts, "sd_noise_schedule", "Default") == "Zero Terminal SNR" or getattr(model, "ztsnr", False):
        roots = alphas.sqrt()
        first, last = roots[0].clone(), roots[-1].clone()
        alphas = ((roots - last) * (first / (first - last))) ** 2
        alphas[-1] = _LEAST_ALPHA
    return NoiseSchedule(alphas_cumprod=alphas, prediction_type=_PREDICTIONS[_model_type(model)])


def _model_type(model: Any) -> str:
    """Name what it predicts; a config beside the checkpoint changes the sampling and leaves the type as it was guessed."""
    base = model.forge_objects_original.unet.model
    if getattr(model, "parameterization", None) == "v":
        return "V_PREDICTION"
    return str(getattr(base.model_type, "name", base.model_type))


def native_size(model: Any, family: ModelFamily) -> int:
    """Side in pixels of the pictures that checkpoints of this kind were made for."""
    if family == "sdxl":
        return 1024
    return 768 if family == "sd2" and _model_type(model) == "V_PREDICTION" else 512

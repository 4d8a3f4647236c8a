"""Facts of the loaded engine, and the engines that cannot be lent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from backend.modules.k_prediction import rescale_zero_terminal_snr_sigmas
from modules import sd_models, shared
from modules_forge import main_entry

from ....core.base.errors import LeaseError
from ....core.model.host import CheckpointInfo, LeaseRequest, ModelFamily, NoiseSchedule, PredictionType
from ..text.encoders import encoders_of

_PLAIN_INPUTS, _INPAINTING_INPUTS = 4, 9
_PREDICTIONS: dict[str, PredictionType] = {"epsilon": "epsilon", "eps": "epsilon", "v_prediction": "v_prediction"}
_FULL_PRECISION = (torch.float32, torch.float16, torch.bfloat16)
_KINDS = "Embeddings can be trained on SD 1.x, SD 2.x and SDXL."


def ready_engine() -> Any:
    """The engine of the chosen checkpoint, loaded if it was not yet. Raises LeaseError where it cannot be trained on."""
    if not sd_models.model_data.forge_loading_parameters:
        main_entry.refresh_model_loading_parameters()
    if sd_models.model_data.forge_loading_parameters.get("checkpoint_info") is None:
        raise LeaseError("The web UI has no checkpoint. Put one into its folder models/Stable-diffusion and choose it.")
    try:
        engine, _ = sd_models.forge_model_reload()
    except Exception as error:  # whatever its loader raises
        raise LeaseError(
            f"The web UI could not load the chosen checkpoint ({type(error).__name__}: {error}); its console may say more. "
            "Choose another at the top of the page."
        ) from error
    _refuse(engine)
    return engine


def _refuse(engine: Any) -> None:
    encoders_of(engine)
    unet = engine.forge_objects.unet.model
    if not hasattr(unet.diffusion_model, "input_blocks"):
        raise LeaseError(f"The loaded checkpoint is none of Stable Diffusion's with a U-Net. {_KINDS}")
    if unet.predictor.prediction_type not in _PREDICTIONS:
        raise LeaseError(
            f"The loaded checkpoint predicts in another way ({unet.predictor.prediction_type!r}: rectified flow, EDM ...) than "
            "noise or velocity. Load one that predicts these."
        )
    inputs = input_channels(engine)
    if inputs not in (_PLAIN_INPUTS, _INPAINTING_INPUTS):
        raise LeaseError(
            f"The loaded checkpoint is of a special kind (its U-Net reads {inputs} channels). Load a plain or an inpainting one."
        )
    _refuse_few_bits(engine)


def _refuse_few_bits(engine: Any) -> None:
    for part in (unet_of(engine), text_of(engine)):
        for weight in part.parameters():
            if type(weight) is not torch.nn.Parameter or weight.dtype not in _FULL_PRECISION:
                kind = str(weight.dtype).removeprefix("torch.")
                raise LeaseError(
                    f"The model's weights are kept in fewer bits ({type(weight).__name__}, {kind}), which is too coarse to train "
                    'with. Set "Diffusion in Low Bits" at the top of the page to Automatic, and load a checkpoint in 16 or 32 bits.'
                )


def check_precision(engine: Any, request: LeaseRequest) -> None:
    """The model stays in the precision that the web UI chose. Raises LeaseError for another one."""
    running = str(engine.forge_objects.unet.model.computation_dtype).removeprefix("torch.")
    if request.precision not in ("auto", running):
        raise LeaseError(
            f"The web UI runs this model in {running}, not in {request.precision}. Choose precision auto, or start the web UI "
            "with --all-in-fp32 or --all-in-fp16.",
            field="precision",
        )


def unet_of(engine: Any) -> Any:
    return engine.forge_objects_original.unet.model.diffusion_model


def text_of(engine: Any) -> Any:
    """One module with all text encoders."""
    return engine.forge_objects_original.clip.cond_stage_model


def vae_of(engine: Any) -> Any:
    return engine.forge_objects_original.vae.first_stage_model


def input_channels(engine: Any) -> int:
    """Count the input channels of the U-Net's first convolution: 4, or 9 for inpainting."""
    return int(unet_of(engine).input_blocks[0][0].weight.shape[1])


def is_inpainting(engine: Any) -> bool:
    return input_channels(engine) == _INPAINTING_INPUTS


def checkpoint_info(engine: Any) -> CheckpointInfo:
    info = engine.sd_checkpoint_info
    return CheckpointInfo(name=info.model_name, path=Path(info.filename), sha256=info.sha256 or None)


def noise_schedule(engine: Any) -> NoiseSchedule:
    """As a picture would use it now, with the web UI's settings for it (zero terminal SNR)."""
    predictor = engine.forge_objects_original.unet.model.predictor
    sigmas = predictor.sigmas.detach().cpu()
    if _has_zero_terminal_snr(engine):
        sigmas = rescale_zero_terminal_snr_sigmas(sigmas.clone())
    alphas = 1 / (1 + sigmas.double() ** 2)
    return NoiseSchedule(alphas_cumprod=alphas, prediction_type=_PREDICTIONS[predictor.prediction_type])


def _has_zero_terminal_snr(engine: Any) -> bool:
    chosen = getattr(shared.opts, "sd_noise_schedule", "Default") == "Zero Terminal SNR"
    return chosen or bool(getattr(engine.model_config, "ztsnr", False))


def latent_scale(engine: Any) -> float:
    """Ratio of what the U-Net reads to what the VAE gives; the web UIs have it in different places."""
    return float(vae_of(engine).process_in(torch.ones(1, 4, 1, 1)).mean())


def native_size(engine: Any, family: ModelFamily) -> int:
    """Side in pixels of the pictures that checkpoints of this kind were made for."""
    if family == "sdxl":
        return 1024
    velocity = engine.forge_objects_original.unet.model.predictor.prediction_type == "v_prediction"
    return 768 if family == "sd2" and velocity else 512

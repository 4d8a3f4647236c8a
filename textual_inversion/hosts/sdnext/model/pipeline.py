"""Facts of the loaded pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler
from modules import devices
from modules.modeldata import model_data

from ....core.base.errors import LeaseError
from ....core.model.host import CheckpointInfo, LeaseRequest, ModelFamily, NoiseSchedule

_SD2_WIDTH = 1024
_PUBLISHED_CHANNELS = 320
_BETAS = ("beta_start", "beta_end", "beta_schedule", "trained_betas", "num_train_timesteps", "rescale_betas_zero_snr")


def present_pipe() -> Any | None:
    """The pipeline that is loaded; None while none is. Loads nothing."""
    return model_data.sd_model


def is_known(pipe: Any) -> bool:
    """Tell whether a pipeline is of a kind whose prompts CLIP reads through tokenizers of its own, as SD 1, SD 2 and SDXL."""
    kind = type(pipe).__name__
    names = ("tokenizer", "text_encoder", *(("tokenizer_2", "text_encoder_2") if "XL" in kind else ()))
    plain = kind.startswith(("StableDiffusion", "LatentConsistency")) and not kind.startswith("StableDiffusion3")
    return plain and all(getattr(pipe, name, None) is not None for name in names) and hasattr(pipe, "embedding_db")


def text_encoders(pipe: Any) -> Mapping[str, tuple[Any, Any]]:
    """Tokenizer and text encoder by the key of the encoder, in the order in which the U-Net reads them."""
    if family_of(pipe) == "sdxl":
        return {"clip_l": (pipe.tokenizer, pipe.text_encoder), "clip_g": (pipe.tokenizer_2, pipe.text_encoder_2)}
    return {_first_key(pipe): (pipe.tokenizer, pipe.text_encoder)}


def family_of(pipe: Any) -> ModelFamily:
    if "XL" in type(pipe).__name__:
        return "sdxl"
    return "sd2" if _first_key(pipe) == "clip_h" else "sd1"


def _first_key(pipe: Any) -> str:
    """OpenCLIP's encoder is told by its activation, as SD 2's own width may be another one in miniatures."""
    config = pipe.text_encoder.config
    return "clip_h" if config.hidden_size == _SD2_WIDTH or config.hidden_act == "gelu" else "clip_l"


def parts_of(pipe: Any) -> list[torch.nn.Module]:
    """The networks: U-Net, VAE, text encoders."""
    return [pipe.unet, pipe.vae, *(encoder for _, encoder in text_encoders(pipe).values())]


def check_precision(pipe: Any, request: LeaseRequest) -> None:
    """The model stays in the precision that it was loaded in. Raises LeaseError for another one."""
    running = str(pipe.unet.dtype).removeprefix("torch.")
    if request.precision not in ("auto", running):
        raise LeaseError(
            f"SD.Next runs this model in {running}, not in {request.precision}. Choose precision auto, or set "
            "Settings > Compute Settings > Device precision type and load the checkpoint again.",
            field="precision",
        )


def checkpoint_info(pipe: Any) -> CheckpointInfo:
    info = pipe.sd_checkpoint_info
    return CheckpointInfo(name=info.model_name, path=Path(info.filename), sha256=info.sha256 or None)


def prediction_type(pipe: Any) -> str:
    """As the checkpoint says: a sampler that was chosen since has a config of its own."""
    return str(_scheduler_config(pipe).get("prediction_type", "epsilon"))


def noise_schedule(pipe: Any) -> NoiseSchedule:
    """The schedule that the checkpoint came with, in float64. Raises LeaseError for one that is neither epsilon nor v."""
    prediction = prediction_type(pipe)
    if prediction not in ("epsilon", "v_prediction"):
        raise LeaseError(
            f"The loaded checkpoint predicts {prediction!r}; embeddings can be trained on those that predict epsilon or v."
        )
    told = {name: value for name, value in _scheduler_config(pipe).items() if name in _BETAS}
    betas = DDPMScheduler(**told).betas.double()
    return NoiseSchedule(
        alphas_cumprod=torch.cumprod(1 - betas, dim=0),
        prediction_type="v_prediction" if prediction == "v_prediction" else "epsilon",
    )


def _scheduler_config(pipe: Any) -> Mapping[str, Any]:
    scheduler = getattr(pipe, "default_scheduler", None) or pipe.scheduler
    return scheduler.config


def native_size(pipe: Any) -> int:
    """Side in pixels of the pictures that the checkpoint was made for."""
    family = family_of(pipe)
    if family == "sdxl":
        return 1024
    if pipe.unet.config.block_out_channels[0] != _PUBLISHED_CHANNELS:
        return 8 * int(pipe.unet.config.sample_size or 64)
    return 768 if family == "sd2" and prediction_type(pipe) == "v_prediction" else 512


def device() -> torch.device:
    """The device that the web UI computes on."""
    return torch.device(devices.device)

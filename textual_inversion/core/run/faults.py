"""Turning what torch and the disk throw into errors a person can act on."""

from __future__ import annotations

import errno
from pathlib import Path

import torch

from ..base.errors import ResourceError, UserError
from ..base.files import resource_error
from ..settings.train_config import TrainConfig

_SIGNS = (
    "out of memory",  # CUDA, HIP, Metal
    "can't allocate memory",  # torch on a CPU
    "not enough memory",  # the same on Windows
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


def as_user_error(error: BaseException, config: TrainConfig) -> UserError | None:
    """The error to show, or None for a fault of ours."""
    if isinstance(error, UserError):
        return error
    if is_out_of_memory(error):
        return ResourceError(
            f"Out of memory with batch size {config.batch_size} at {config.width}x{config.height}. {_advice(config)} "
            "Everything trained so far was kept.",
            field="batch_size",
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return resource_error(Path(error.filename or config.log_dir), error)
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """CUDA's error, a CPU allocation that failed, or Metal's."""
    if isinstance(error, (MemoryError, torch.cuda.OutOfMemoryError)):
        return True
    if isinstance(error, OSError):  # the system itself; 1455 is Windows' "the paging file is too small"
        return error.errno == errno.ENOMEM or getattr(error, "winerror", None) == 1455
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def _advice(config: TrainConfig) -> str:
    if config.batch_size > 1:
        return "Lower the batch size and raise gradient accumulation instead: the result is the same."
    if config.recompute != "full":
        return "Set 'Compute again' to full, or train at a smaller width and height."
    return "Train at a smaller width and height, or close other programs that use the graphics card."

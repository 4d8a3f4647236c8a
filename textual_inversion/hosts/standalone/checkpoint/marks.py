"""Marks in a checkpoint that say how it was trained: v-prediction, and a schedule that ends in pure noise.

Trainers of SDXL's children leave empty tensors called ``v_pred`` and ``ztsnr`` (NoobAI, ComfyUI's loaders), or metadata
(``modelspec.prediction_type`` of the ModelSpec standard, ``ss_zero_terminal_snr`` of kohya's scripts). A ``.yaml`` beside the
file is often one that fits all SDXL models, so the file's own marks count more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from ....core.model.host import PredictionType
from .layout import ModelLayout

_NEARLY_ZERO = 1e-6
"""LDM's own schedule ends at 0.00466; what was rescaled ends at 0, or at the 5e-8 that web UIs put there."""


@dataclass(frozen=True, kw_only=True)
class Marks:
    """``prediction`` None and ``zero_terminal_snr`` False: the file says nothing. ``named`` are the marks that were found."""

    prediction: PredictionType | None
    zero_terminal_snr: bool
    named: tuple[str, ...]


def marks_of(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> Marks:
    """Read the marks. A last value of ``alphas_cumprod`` in the file counts as one."""
    said = metadata.get("modelspec.prediction_type", "").lower()
    velocity = {"v_pred": "v_pred" in tensors, "modelspec.prediction_type": said.startswith("v")}
    alphas = tensors.get("alphas_cumprod")
    ends = {
        "ztsnr": "ztsnr" in tensors,
        "ss_zero_terminal_snr": metadata.get("ss_zero_terminal_snr", "").lower() == "true",
        "alphas_cumprod": alphas is not None and alphas.numel() > 1 and float(alphas.flatten()[-1]) < _NEARLY_ZERO,
    }
    epsilon = said.startswith("eps")
    return Marks(
        prediction="v_prediction" if any(velocity.values()) else "epsilon" if epsilon else None,
        zero_terminal_snr=any(ends.values()),
        named=tuple(name for name, there in {**velocity, **ends}.items() if there),
    )


def marked(layout: ModelLayout, marks: Marks) -> ModelLayout:
    """Make the layout say what the marks say; where its config said something else, a warning."""
    warnings = list(layout.warnings)
    if layout.prediction and marks.prediction and layout.prediction != marks.prediction:
        warnings.append(
            f"The .yaml beside the checkpoint says {layout.prediction}, the file itself {marks.prediction}: the file was believed. If "
            "pictures look wrong, correct its mark."
        )
    return replace(
        layout,
        prediction=marks.prediction or layout.prediction,
        schedule=replace(
            layout.schedule, zero_terminal_snr=layout.schedule.zero_terminal_snr or marks.zero_terminal_snr
        ),
        warnings=tuple(warnings),
    )


def told(marks: Marks, prediction: PredictionType, *, zero_terminal_snr: bool, measured: PredictionType) -> str | None:
    """Say in one line what was found out about an unusual model; None for an ordinary one."""
    if prediction == "epsilon" and not zero_terminal_snr:
        return None
    kind = {"epsilon": "epsilon", "v_prediction": "v-prediction"}
    what = kind[prediction] + (" with zero terminal SNR" if zero_terminal_snr else "")
    source = f"marked by {', '.join(marks.named)}" if marks.named else "by its config"
    if measured == prediction:
        return f"The checkpoint predicts {what} ({source}; its U-Net answers so)."
    return (
        f"The checkpoint is trained as {what} ({source}), but its U-Net answers as one of {kind[measured]} does. If previews are grey or "
        "noise, the mark is wrong: use a file without it."
    )

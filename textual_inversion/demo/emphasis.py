"""Makes `(word:1.3)` safe on the demo checkpoint, without changing what plain prompts draw.

A1111's emphasis multiplies tokens by their weights and then scales all of them so that their mean is what it was. CLIP's
mean is near -0.1; a small encoder's comes out of training within 0.0001 of zero, and the quotient of two such means was
anything from -1.6 to 2.9. So the last norm's bias gets a mean of its own. A constant added to every token shifts all
keys of an attention alike, which its softmax does not notice, and its values by a constant, which the bias behind them
takes off again.
"""

from __future__ import annotations

from torch import Tensor

MEAN = 0.1
TOLERANCE = 1e-3
LAST_NORM_BIAS = "cond_stage_model.transformer.text_model.final_layer_norm.bias"
_VALUES = ".attn2.to_v.weight"


def with_context_mean(weights: dict[str, Tensor], mean: float = MEAN) -> dict[str, Tensor]:
    """`weights` (LDM's names) with the mean of the last norm's bias set to `mean`.

    For plain prompts the U-Net computes the same as before: the few biases that change come back in float32, as float16
    would round the sum. Weights that have that mean already come back as they are.
    """
    bias = weights[LAST_NORM_BIAS].float()
    shift = mean - bias.mean()
    if shift.abs() < TOLERANCE:
        return weights
    changed = {LAST_NORM_BIAS: bias + shift}
    for name in (name for name in weights if name.endswith(_VALUES)):
        out = name.removesuffix(_VALUES) + ".attn2.to_out.0."
        moved = weights[out + "weight"].float() @ (weights[name].float().sum(dim=1) * shift)
        changed[out + "bias"] = weights[out + "bias"].float() - moved
    return {**weights, **changed}

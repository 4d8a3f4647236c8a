"""The host that owns its model: a checkpoint file, diffusers' U-Net and VAE, transformers' text encoders."""

from .host import DEMO_CHECKPOINT, StandaloneHost
from .sampling.samplers import sampler_names

__all__ = ["DEMO_CHECKPOINT", "StandaloneHost", "sampler_names"]

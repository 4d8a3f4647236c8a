"""SDXL in a real SD.Next differs from the other hosts in the pooled vector alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from host_bench import Bench
from tiny_checkpoint import probe
from tiny_variants import VARIANTS

from textual_inversion.core.model.host import LeaseRequest
from textual_inversion.hosts.standalone import StandaloneHost

pytestmark = pytest.mark.host


def test_context_and_prediction_are_those_of_every_host(
    make_bench: Callable[[str, Path], Bench], tmp_path: Path
) -> None:
    bench = make_bench("sdxl-wide", tmp_path)
    live = bench.live()
    path = VARIANTS["sdxl-wide"].write(tmp_path)
    standalone = StandaloneHost(embeddings_dir=tmp_path / "embeddings", checkpoint=path, device="cpu")
    noisy, timesteps, size = probe("latents", 1, 4, 8, 8), torch.tensor([400]), {"width": 64, "height": 64}
    with torch.no_grad(), standalone.lease(LeaseRequest()) as other, bench.host.lease(LeaseRequest()) as lease:
        wanted = other.encode_prompts(["a photo of tix3"], embeddings=live, **size)
        found = lease.encode_prompts(["a photo of tix3"], embeddings=live, **size)
        torch.testing.assert_close(found.context, wanted.context, atol=1e-4, rtol=1e-4)
        assert found.vector is not None
        assert wanted.vector is not None
        assert not torch.allclose(found.vector[:, :1280], wanted.vector[:, :1280], atol=1e-2)
        assert found.vector[0, 1280:].tolist() == [64, 64, 0, 0, 64, 64]
        same_pooled = replace(found, vector=torch.cat([wanted.vector[:, :1280], found.vector[:, 1280:]], dim=1))
        torch.testing.assert_close(
            lease.predict(noisy, timesteps, same_pooled), other.predict(noisy, timesteps, wanted), atol=1e-4, rtol=1e-4
        )

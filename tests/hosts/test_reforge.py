"""The adapter inside a real reForge or Forge Classic, with a full SD 1.x checkpoint.

<the web UI's Python> -m pytest tests/hosts/test_reforge.py --webui-dir <its folder> --webui-checkpoint <a file>
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from host_bench import Bench, differences
from host_endings import ENDINGS, Disturbed
from tiny_checkpoint import probe
from tiny_text_encoder import embedding_vectors

from textual_inversion.core.base.control import Control
from textual_inversion.core.base.errors import InputError, LeaseError
from textual_inversion.core.embeddings_folder.create import create
from textual_inversion.core.model.host import Lease, LeaseRequest, PictureRequest
from textual_inversion.core.model.lora import LoraUse
from textual_inversion.core.run.train import train

pytestmark = pytest.mark.host
REQUEST = PictureRequest(prompt="a photo of tix3", width=64, height=64, steps=1, sampler="Euler")


@pytest.fixture
def bench(reforge_bench: Bench) -> Bench:
    return reforge_bench


def rows() -> torch.Tensor:
    return 0.05 * embedding_vectors("tix3", 3, 768)


def loss(lease: Lease, vectors: torch.Tensor) -> torch.Tensor:
    conditioning = lease.encode_prompts(
        ["a photo of tix3, (bright:1.2)"], embeddings={"tix3": {"clip_l": vectors}}, width=64, height=64
    )
    assert conditioning.inserted == (3,)
    predicted = lease.predict(probe("latents", 1, 4, 8, 8), torch.tensor([500]), conditioning)
    return torch.nn.functional.mse_loss(predicted, probe("noise", 1, 4, 8, 8))


def test_the_gradient_is_that_of_finite_differences_and_recomputation_changes_nothing(bench: Bench) -> None:
    gradients = []
    for recompute in ("none", "selective", "full"):
        with bench.host.lease(LeaseRequest(recompute=recompute)) as lease:
            live = rows().requires_grad_()
            loss(lease, live).backward()
            gradients.append(live.grad)
    direction, size = gradients[0] / gradients[0].norm(), 1e-2
    with bench.host.lease(LeaseRequest()) as lease, torch.no_grad():
        slope = (loss(lease, rows() + size * direction) - loss(lease, rows() - size * direction)) / (2 * size)
    assert slope.item() == pytest.approx(gradients[0].norm().item(), rel=1e-3)
    assert torch.equal(gradients[1], gradients[0])
    assert torch.equal(gradients[2], gradients[0])
    for module in bench.modules():
        assert [name for name, weight in module.named_parameters() if weight.grad is not None] == []


@pytest.mark.parametrize("end", [None, RuntimeError, KeyboardInterrupt, torch.cuda.OutOfMemoryError])
def test_leaving_puts_everything_back_and_the_next_picture_is_the_same(
    bench: Bench, end: type[BaseException] | None
) -> None:
    picture = next_picture(bench)  # which leaves its conditioning in the web UI's cache
    before = bench.fingerprint()
    try:
        with bench.host.lease(LeaseRequest(recompute="selective")) as lease:
            live = rows().requires_grad_()
            loss(lease, live).backward()
            lease.picture(REQUEST, embeddings={"tix3": {"clip_l": live}})
            pixels = probe("pixels", 1, 3, 64, 64, std=0.5)
            latents = lease.encode_images(pixels).mean.requires_grad_()
            lease.decode_latents(latents).sum().backward()
            assert latents.grad.norm() > 0
            lease.vae_attention(pixels)
            if end is not None:
                raise end
    except (RuntimeError, KeyboardInterrupt) as error:
        assert type(error) is end  # noqa: PT017
    assert differences(before, bench.fingerprint()) == {}
    assert next_picture(bench) == picture


def next_picture(bench: Bench) -> bytes:
    """As the web UI's own txt2img makes one."""
    from modules import processing, scripts

    p = processing.StableDiffusionProcessingTxt2Img(
        prompt="a cat", steps=1, seed=1, width=64, height=64, sampler_name="Euler", do_not_save_samples=True,
        do_not_save_grid=True,
    )  # fmt: skip
    p.scripts, p.script_args = scripts.ScriptRunner(), ()
    try:
        return processing.process_images(p).images[0].tobytes()
    finally:
        p.close()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_leaves_the_host_as_it_was_however_it_ends(bench: Bench, ending: str) -> None:
    happening, outcome, exit_code = ENDINGS[ending]
    config = bench.config(
        steps=4, image_every=3, save_every=3, batch_size=1, preview_steps=1, csv_every=0, preview_sampler="Euler"
    )
    created = create(bench.host, name=config.name, init_text="ball", vectors=2, overwrite=True)
    try:
        before = bench.fingerprint()
        control = Control()
        finished = train(config, Disturbed(bench.host, happening, control), control=control, emit=lambda _: None)
        assert (finished.outcome, finished.exit_code) == (outcome, exit_code), finished.message
        left = differences(before, bench.fingerprint())
        left.pop("embeddings", None)  # what was learned was taken up, so these are other objects of the same names
        assert left == {}
    finally:
        created.unlink()
        bench.host.publish(created)


def test_another_checkpoint_chosen_meanwhile_is_seen(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from modules import sd_models, shared

    other = SimpleNamespace(filename="/elsewhere/other.safetensors", model_name="other")
    with bench.host.lease(LeaseRequest()) as lease:
        lease.check()
        monkeypatch.setitem(sd_models.checkpoint_aliases, "other", other)
        monkeypatch.setitem(shared.opts.data, "sd_model_checkpoint", "other")
        with pytest.raises(LeaseError, match="Another checkpoint was chosen .other in place of"):
            lease.check()


@pytest.mark.parametrize(
    ("request_", "field", "message"),
    [
        (LeaseRequest(vae="other.safetensors"), "vae", "Another VAE for one run alone"),
        (LeaseRequest(precision="float16"), "precision", "in float32, not in float16"),
        (LeaseRequest(loras=(LoraUse(file="x"),)), "lora", "no LoRA can be active"),
    ],
)
def test_what_it_cannot_do_is_told_and_nothing_changes(
    bench: Bench, request_: LeaseRequest, field: str, message: str
) -> None:
    before = bench.fingerprint()
    with pytest.raises(LeaseError, match=message) as caught, bench.host.lease(request_):
        pass
    assert caught.value.field == field
    assert differences(before, bench.fingerprint()) == {}
    with pytest.raises(InputError, match="one VAE for pictures and runs alike"):
        bench.host.find_vae("other")


def test_losses_are_those_of_the_standalone_host(bench: Bench, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    pytest.importorskip("transformers", minversion="4.44")
    from textual_inversion.hosts.standalone import StandaloneHost

    checkpoint = Path(request.config.getoption("--webui-checkpoint"))
    own = StandaloneHost(checkpoint=checkpoint, embeddings_dir=tmp_path / "e", device="cpu", precision="float32")
    losses: list[list[float]] = []
    for host in (bench.host, own):
        found: list[float] = []
        _train(bench, host, found.append)
        losses.append(found)
    assert len(losses[0]) == 20
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def _train(bench: Bench, host: Any, tell: Callable[[float], object]) -> None:
    from textual_inversion.core.record.events import Stepped

    config = bench.config(image_every=0, save_every=0, log_dir=str(bench.folder / f"log-{host.name}"))
    created = create(host, name=config.name, init_text="ball", vectors=2, overwrite=True)
    try:
        finished = train(
            config, host, control=Control(), emit=lambda event: isinstance(event, Stepped) and tell(event.loss)
        )
        assert finished.outcome == "done", finished.message
    finally:
        created.unlink()
        host.publish(created)

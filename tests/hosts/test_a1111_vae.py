"""A run's own choice of VAE in a real AUTOMATIC1111: used while the model is lent, and nothing of it left afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from host_bench import Bench, differences, work
from PIL import Image
from safetensors.torch import save_file

from textual_inversion.core.base.control import Control
from textual_inversion.core.base.errors import InputError, LeaseError
from textual_inversion.core.embeddings_folder.create import create
from textual_inversion.core.model.host import Lease, LeaseRequest, PictureRequest
from textual_inversion.core.run.train import train

pytestmark = pytest.mark.host

PIXELS = torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)


@pytest.fixture(params=["sd1", "sdxl"])
def bench(request: pytest.FixtureRequest, make_bench: Callable[[str, Path], Bench], tmp_path: Path) -> Bench:
    return make_bench(request.param, tmp_path)


@pytest.fixture
def others(bench: Bench) -> Iterator[list[str]]:
    """Names of two VAEs that the web UI has, one of each kind of file."""
    from modules import sd_vae

    state = bench.modules()[0].first_stage_model.state_dict()
    folder = Path(sd_vae.vae_path)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: (value * 1.1).contiguous() for key, value in state.items()}, folder / "larger.safetensors")
    smaller = {"state_dict": {key: value * 0.9 for key, value in state.items()}}
    # The web UI's safety check does not know what newer versions of torch put into their zip files.
    torch.save(smaller, folder / "smaller.vae.pt", _use_new_zipfile_serialization=False)
    yield ["larger.safetensors", "smaller.vae.pt"]
    for file in ("larger.safetensors", "smaller.vae.pt"):
        (folder / file).unlink()
    sd_vae.refresh_vae_list()


def encoded(bench: Bench, vae: str) -> torch.Tensor:
    with bench.host.lease(LeaseRequest(vae=vae)) as lease:
        return lease.encode_images(PIXELS).mean


def drawn(lease: Lease) -> Image.Image:
    return lease.picture(PictureRequest(prompt="a ball", steps=2, width=64, height=64), embeddings={}).image


@pytest.mark.parametrize("end", [None, RuntimeError, KeyboardInterrupt])
def test_the_vae_asked_for_is_there_and_the_former_one_afterwards(
    bench: Bench, others: list[str], end: type[BaseException] | None
) -> None:
    live = bench.live()
    own = encoded(bench, "")
    with bench.host.lease(LeaseRequest()) as lease:
        picture = drawn(lease)
    before = bench.fingerprint()
    for name in others:
        try:
            with bench.host.lease(LeaseRequest(vae=name)) as lease:
                assert not torch.allclose(lease.encode_images(PIXELS).mean, own)
                assert drawn(lease).tobytes() != picture.tobytes()
                work(lease, live)
                lease.check()
                if end is not None:
                    raise end
        except (RuntimeError, KeyboardInterrupt) as error:
            assert type(error) is end  # noqa: PT017
        assert differences(before, bench.fingerprint()) == {}
    assert set(others) <= set(bench.host.vae_names())
    assert torch.equal(encoded(bench, "None"), own)


def test_the_checkpoints_own_vae_while_the_web_ui_has_another(bench: Bench, others: list[str]) -> None:
    from modules import sd_vae

    own = encoded(bench, "")
    model = bench.modules()[0]
    bench.host.find_vae(others[0])
    sd_vae.reload_vae_weights(model, sd_vae.vae_dict[others[0]])
    try:
        before, kept = bench.fingerprint(), sd_vae.base_vae
        set_in_web_ui = encoded(bench, "")
        assert torch.equal(encoded(bench, "None"), own)
        assert not torch.allclose(encoded(bench, others[1]), set_in_web_ui)
        assert not torch.allclose(set_in_web_ui, own)
        assert differences(before, bench.fingerprint()) == {}
        assert sd_vae.base_vae is kept
    finally:
        sd_vae.reload_vae_weights(model, None)
    assert torch.equal(encoded(bench, ""), own)


def test_what_the_user_chooses_meanwhile_is_noticed(
    bench: Bench, others: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from modules import sd_vae, shared

    own = encoded(bench, "")
    with bench.host.lease(LeaseRequest(vae=others[0])) as lease:
        lease.check()
        with monkeypatch.context() as patch:
            patch.setitem(shared.opts.data, "sd_vae", others[1])
            with pytest.raises(LeaseError, match="Another VAE was chosen"):
                lease.check()
        lease.check()
        # Not by the settings, which wait for the run, but by an extension that does not:
        sd_vae.reload_vae_weights(bench.modules()[0], sd_vae.vae_dict[others[1]])
        with pytest.raises(LeaseError, match="Another VAE was chosen"):
            lease.check()
    assert sd_vae.get_loaded_vae_name() == others[1]
    assert not torch.allclose(encoded(bench, ""), own)
    sd_vae.reload_vae_weights(bench.modules()[0], None)
    assert torch.equal(encoded(bench, ""), own)


def test_a_vae_that_cannot_be_had_changes_nothing(bench: Bench, others: list[str]) -> None:
    from modules import sd_vae

    folder = Path(sd_vae.vae_path)
    save_file({"encoder.conv_in.weight": torch.zeros(1)}, folder / "stranger.safetensors")
    (folder / "broken.pt").write_bytes(b"<html>")
    before = bench.fingerprint()
    cases = [
        (
            "nowhere.pt",
            "The web UI has no VAE called 'nowhere.pt'. There are: None, .*larger.safetensors, .*smaller.vae.pt",
        ),
        ("stranger.safetensors", "does not fit the loaded checkpoint: .* is wanted"),
        ("broken.pt", "The VAE broken.pt cannot be read: the web UI's console says why"),
    ]
    try:
        for name, words in cases:
            with pytest.raises(InputError, match=words) as raised, bench.host.lease(LeaseRequest(vae=name)):
                pass
            assert raised.value.field == "vae"
        assert differences(before, bench.fingerprint()) == {}
    finally:
        for name in ("stranger.safetensors", "broken.pt"):
            (folder / name).unlink()
    with pytest.raises(InputError, match="no VAE called 'nowhere.pt'"):
        train(bench.config(vae="nowhere.pt"), bench.host, control=Control(), emit=lambda _: None)


def test_a_run_with_another_vae_learns_and_leaves_the_web_ui_as_it_was(bench: Bench, others: list[str]) -> None:
    config = bench.config(
        name="with8", vae=others[0], steps=2, batch_size=1, image_every=2, save_every=0, preview_steps=1
    )
    created = create(bench.host, name="with8", init_text="ball", vectors=1)
    try:
        before = bench.fingerprint()
        finished = train(config, bench.host, control=Control(), emit=lambda _: None)
        assert finished.outcome == "done", finished.message
        left = differences(before, bench.fingerprint())
        left.pop("embeddings", None)
        assert left == {}
    finally:
        created.unlink()
        bench.host.publish(created)

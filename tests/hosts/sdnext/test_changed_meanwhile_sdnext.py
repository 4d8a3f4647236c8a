"""Another checkpoint or part chosen in a real SD.Next in the middle of a run, and its next picture after each way to end."""

from __future__ import annotations

import pytest
from host_bench import Bench, differences
from host_endings import ENDINGS, Disturbed
from sdnext_pictures import picture

from textual_inversion.core.base.control import Control
from textual_inversion.core.base.errors import LeaseError
from textual_inversion.core.embeddings_folder.create import create
from textual_inversion.core.model.host import LeaseRequest
from textual_inversion.core.run.train import train

pytestmark = pytest.mark.host


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("sd_model_checkpoint", "Diffusers/tiny-sd2", "Another checkpoint was chosen .tiny-sd2 in place of tiny-sd1"),
        ("sd_vae", "other", "Another VAE was chosen"),
        ("sd_unet", "other", "Another UNET was chosen"),
        ("sd_text_encoder", "other", "Another text encoder was chosen"),
    ],
)
def test_what_is_chosen_waits_for_the_run(sd1: Bench, setting: str, value: str, sentence: str) -> None:
    from modules import sd_checkpoint, shared

    before = getattr(shared.opts, setting)
    info = sd_checkpoint.get_closest_checkpoint_match(value)
    with sd1.host.lease(LeaseRequest()) as lease:
        lease.check()
        shared.opts.data[setting] = info.title if info else value
        try:
            with pytest.raises(LeaseError, match=sentence):
                lease.check()
        finally:
            shared.opts.data[setting] = before
        lease.check()


def test_a_run_ends_when_another_checkpoint_is_chosen(sd1: Bench) -> None:
    from modules import sd_checkpoint, shared

    other = sd_checkpoint.get_closest_checkpoint_match("Diffusers/tiny-sd2")
    chosen = shared.opts.sd_model_checkpoint

    def choose(_control: Control, predicted):
        shared.opts.data["sd_model_checkpoint"] = other.title
        return predicted

    config = sd1.config(steps=20, image_every=0, save_every=0, batch_size=1)
    created = create(sd1.host, name=config.name, init_text="ball", vectors=2, overwrite=True)
    control = Control()
    try:
        before = sd1.fingerprint()
        finished = train(config, Disturbed(sd1.host, choose, control), control=control, emit=lambda _: None)
        shared.opts.data["sd_model_checkpoint"] = chosen
        assert finished.outcome == "failed"
        assert "Another checkpoint was chosen (tiny-sd2 in place of tiny-sd1)" in finished.message
        left = differences(before, sd1.fingerprint())
        left.pop("embeddings", None)
        assert left == {}
    finally:
        shared.opts.data["sd_model_checkpoint"] = chosen
        created.unlink()
        sd1.host.publish(created)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_next_picture_is_the_same(sd1: Bench, ending: str) -> None:
    happening, outcome, _ = ENDINGS[ending]
    config = sd1.config(steps=4, image_every=3, save_every=3, batch_size=1, preview_steps=1)
    created = create(sd1.host, name=config.name, init_text="ball", vectors=2, overwrite=True)
    try:
        before = picture()[0]
        assert picture()[0] == before
        assert picture("a blue dog")[0] != before
        control = Control()
        finished = train(config, Disturbed(sd1.host, happening, control), control=control, emit=lambda _: None)
        assert finished.outcome == outcome, finished.message
        assert picture()[0] == before
    finally:
        created.unlink()
        sd1.host.publish(created)

"""What every host adapter has to do, whatever web UI is behind it: one suite for all of them.

An adapter's test module derives a class from `HostContract` and provides the fixture `bench`. The checkpoints are those of
`tiny_variants.py`; `hosts/reference/` holds what AUTOMATIC1111's own code computes with some of them, and `contract_losses.json`
the losses of the run below in the standalone host, for all. So hosts that pass agree with each other.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from held_memory import HeldMemory
from host_bench import REFERENCE, STEPS, Bench, differences, mark, reference, work, write
from host_endings import ENDINGS, Disturbed
from tiny_checkpoint import probe
from tiny_variants import VARIANTS

from textual_inversion.core.base.control import Control
from textual_inversion.core.base.errors import InputError, LeaseError, UserError
from textual_inversion.core.embedding.embedding import Vectors
from textual_inversion.core.embedding.pair import negative_path
from textual_inversion.core.embeddings_folder.create import create
from textual_inversion.core.formats import read_embedding
from textual_inversion.core.model.host import Conditioning, Lease, LeaseRequest, PictureRequest
from textual_inversion.core.run.train import train

_PREDICTION = {"sd1": (3, 4, 8, 4), "sd2": (3, 4, 8, 4), "sdxl": (2, 4, 8, 8)}


class HostContract:
    """Every test gets its own `bench`, in whatever state the one before left the host."""

    emphasis_of_a1111 = True
    """Whether the host reads brackets as A1111's "Original" does: then its conditioning is that of A1111 with them too."""
    loss_tolerance: ClassVar[Mapping[str, float]] = {}
    """By variant, where a host's arithmetic is another: how far its losses may be from those of every other host."""

    @pytest.mark.parametrize("end", [None, RuntimeError, KeyboardInterrupt, torch.cuda.OutOfMemoryError])
    def test_leaving_puts_everything_back(self, bench: Bench, end: type[BaseException] | None) -> None:
        live = bench.live()
        weight = next(bench.modules()[0].parameters())
        flag = weight.requires_grad
        mark(weight, True)
        before = bench.fingerprint()
        try:
            with bench.host.lease(LeaseRequest(recompute="full")) as lease:
                for module in bench.modules():
                    assert not any(weight.requires_grad for weight in module.parameters())
                work(lease, live)
                if end is not None:
                    raise end
        except (RuntimeError, KeyboardInterrupt) as error:
            assert type(error) is end  # noqa: PT017
        after = bench.fingerprint()
        mark(weight, flag)
        assert differences(before, after) == {}

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_a_run_leaves_the_host_as_it_was_however_it_ends(self, bench: Bench, ending: str) -> None:
        happening, outcome, exit_code = ENDINGS[ending]
        config = bench.config(steps=4, image_every=3, save_every=3, batch_size=1, preview_steps=1, csv_every=0)
        created = create(bench.host, name=config.name, init_text="ball", vectors=2, overwrite=True)
        try:
            before, names = bench.fingerprint(), bench.host.embedding_names()
            control = Control()
            finished = train(config, Disturbed(bench.host, happening, control), control=control, emit=lambda _: None)
            assert (finished.outcome, finished.exit_code) == (outcome, exit_code), finished.message
            left = differences(before, bench.fingerprint())
            left.pop("embeddings", None)  # what was learned was taken up, so these are other objects of the same names
            assert left == {}
            assert bench.host.embedding_names() == names
        finally:
            created.unlink()
            bench.host.publish(created)

    def test_one_lease_at_a_time(self, bench: Bench) -> None:
        with bench.host.lease(LeaseRequest()) as lease:
            with pytest.raises(LeaseError, match="in use by another run"), bench.host.lease(LeaseRequest()):
                pass
            lease.check()

    def test_what_a_lease_tells(self, bench: Bench) -> None:
        with bench.host.lease(LeaseRequest()) as lease:
            assert lease.family == bench.family
            assert lease.schedule.prediction_type == VARIANTS[bench.variant].prediction
            assert lease.schedule.alphas_cumprod.dtype == torch.float64
            assert lease.schedule.alphas_cumprod.shape == (1000,)
            assert lease.schedule.alphas_cumprod[-1] < 0.01 < 0.99 < lease.schedule.alphas_cumprod[0]
            assert lease.checkpoint.name == f"tiny-{bench.variant}"
            keys = {"sd1": ["clip_l"], "sd2": ["clip_h"], "sdxl": ["clip_l", "clip_g"]}
            assert list(lease.encoders) == keys[bench.family]
            for encoder in lease.encoders.values():
                assert encoder.table().shape == (49408, encoder.width)
                words = encoder.encode_words("red cat")
                assert words.shape == (2, encoder.width)
                assert not words.requires_grad
                assert [encoder.token_text(token) for token in encoder.tokenize("a Red cat")] == ["a", "red", "cat"]

    def test_a_gradient_reaches_the_vectors_and_nothing_else(self, bench: Bench) -> None:
        live = bench.live()
        with bench.host.lease(LeaseRequest()) as lease:
            loss = _loss(lease, live, "a photo of tix3")
            loss.backward()
            for rows in live["tix3"].values():
                assert rows.grad is not None
                assert bool((rows.grad.norm(dim=1) > 0).all())
            for module in bench.modules():
                assert [name for name, weight in module.named_parameters() if weight.grad is not None] == []
            _check_against_differences(bench, lease, live)

    def test_computing_again_changes_no_gradient(self, bench: Bench) -> None:
        """Neither asked for, nor when a lease goes on to more of it."""
        gradients: list[list[torch.Tensor | None]] = []
        losses: list[float] = []
        given = bench.live()

        def note(lease: Lease) -> None:
            live = {name: _fresh(rows) for name, rows in given.items()}
            loss = _loss(lease, live, "a photo of tix3")
            loss.backward()
            losses.append(loss.item())
            gradients.append([rows.grad for rows in live["tix3"].values()])

        before = bench.fingerprint()
        with bench.host.lease(LeaseRequest(recompute="none")) as lease:
            note(lease)
            for further in ("selective", "full"):
                assert lease.recompute_more() == further
                note(lease)
            assert lease.recompute_more() is None
        with bench.host.lease(LeaseRequest(recompute="selective")) as lease:
            note(lease)
        assert differences(before, bench.fingerprint()) == {}
        assert losses == [losses[0]] * 4
        for again in gradients[1:]:
            for plain, recomputed in zip(gradients[0], again, strict=True):
                torch.testing.assert_close(plain, recomputed, rtol=1e-6, atol=0)

    def test_computing_again_keeps_less(self, bench: Bench) -> None:
        held = []
        given = bench.live()
        for level in ("none", "selective", "full"):
            with bench.host.lease(LeaseRequest(recompute=level)) as lease:
                told = lease.encode_prompts(["a photo of tix3"], embeddings=given, width=128, height=128)
                with HeldMemory() as memory:
                    prediction = lease.predict(probe("noisy", 1, 4, 16, 16), torch.tensor([500]), told)
                    held.append(memory.bytes())
                del prediction
        none, selective, full = held
        assert selective < 0.6 * none
        assert full < 0.8 * selective

    def test_what_looks_alike_in_a_picture(self, bench: Bench) -> None:
        """The self-attention in the middle of the VAE's encoder, which attention maps are spread through."""
        before = bench.fingerprint()
        with bench.host.lease(LeaseRequest()) as lease:
            pixels = probe("pixels", 2, 3, 64, 48, std=0.5).to(lease.device)
            first, second = (lease.vae_attention(each.unsqueeze(0)) for each in pixels)
        assert differences(before, bench.fingerprint()) == {}
        for attention in (first, second):
            assert attention.queries.shape == attention.keys.shape
            assert attention.queries.shape[0] == 8 * 6
            ones = torch.ones_like(attention.queries[:, 0])
            bench.close(attention(ones), ones.cpu(), atol=1e-5)
        assert not torch.equal(first.queries, second.queries)
        assert not torch.equal(first.queries, first.keys)

    def test_a_pair_learns(self, bench: Bench) -> None:
        """Both halves, with the reconstruction loss; plain training leaves the host as it was, and so does this."""
        config = bench.config(
            name="pair7", apt=True, guidance="1.5-3.0:cos", reconstruction=0.5, steps=3, batch_size=1, image_every=3,
            save_every=0, preview_steps=1, csv_every=0,
        )  # fmt: skip
        created = create(bench.host, name="pair7", init_text="ball", vectors=2, apt=True, negative_vectors=3)
        halves = [created, negative_path(created)]
        try:
            old = [read_embedding(path) for path in halves]
            before = bench.fingerprint()
            finished = train(config, bench.host, control=Control(), emit=lambda _: None)
            assert finished.outcome == "done", finished.message
            left = differences(before, bench.fingerprint())
            left.pop("embeddings", None)
            assert left == {}
            for path, start, rows in zip(halves, old, (2, 3), strict=True):
                new = read_embedding(path)
                assert (new.step, new.count) == (3, rows)
                for key, vectors in new.vectors.items():
                    assert bool(((vectors - start.vectors[key]).norm(dim=1) > 0).all())
        finally:
            for path in halves:
                path.unlink()
                bench.host.publish(path)

    def test_pictures_are_encoded_and_decoded(self, bench: Bench) -> None:
        with bench.host.lease(LeaseRequest()) as lease:
            moments = lease.encode_images(probe("pixels", 2, 3, 64, 48, std=0.5).to(lease.device))
            assert moments.mean.shape == moments.std.shape == (2, 4, 8, 6)
            assert moments.mean.dtype == torch.float32
            assert moments.mean.device.type == moments.std.device.type == lease.device.type
            latents = moments.mean.clone().requires_grad_()
            pixels = lease.decode_latents(latents)
            assert pixels.shape == (2, 3, 64, 48)
            assert pixels.device.type == lease.device.type
            pixels.square().mean().backward()
            assert latents.grad is not None
            assert latents.grad.abs().sum() > 0
            with pytest.raises(InputError, match="multiples of 8"):
                lease.encode_images(torch.zeros(1, 3, 30, 32))
            recorded = reference(bench.variant)
            if recorded is not None and "vae_mean" in recorded[0]:
                expected = recorded[0]
                bench.close(moments.mean, expected["vae_mean"], atol=1e-5)
                bench.close(moments.std, expected["vae_std"], atol=1e-5)

    def test_predictions_and_their_loss_are_those_of_a1111(self, bench: Bench) -> None:
        recorded = reference(bench.variant)
        if recorded is None:
            pytest.skip("nothing was recorded with this checkpoint")
        expected, facts = recorded
        shape = _PREDICTION[bench.family]
        latents, noise = probe("latents", *shape), probe("noise", *shape)
        timesteps = torch.tensor(facts["timesteps"])
        prompts = facts["predicted"] if bench.family == "sdxl" else facts["prompts"]
        live = bench.live()
        with bench.host.lease(LeaseRequest()) as lease, torch.no_grad():
            alphas = lease.schedule.alphas_cumprod[timesteps].float()[:, None, None, None]
            noisy = alphas.sqrt() * latents + (1 - alphas).sqrt() * noise
            size = {"width": 8 * shape[3], "height": 8 * shape[2]}
            conditioning = lease.encode_prompts(prompts, embeddings=live, **size)
            predicted = lease.predict(noisy.to(lease.device), timesteps.to(lease.device), conditioning)
        assert predicted.dtype == torch.float32
        assert predicted.device.type == lease.device.type
        rows = [row for row, prompt in enumerate(prompts) if self.emphasis_of_a1111 or not set("([") & set(prompt)]
        bench.close(predicted[rows], expected["predicted"][rows], atol=2e-5)
        if "loss" in expected and len(rows) == len(prompts):
            velocity = alphas.sqrt() * noise - (1 - alphas).sqrt() * latents
            target = velocity if bench.family == "sd2" else noise
            loss = torch.nn.functional.mse_loss(predicted.cpu(), target)
            bench.close(loss[None], expected["loss"], atol=1e-4)

    def test_prompts_of_a_batch_do_not_touch_each_other(self, bench: Bench) -> None:
        live = bench.live()
        prompts = ["a (red:1.4) tix3", "a cat", "red ball, " * 30 + "tix3", "a cat"]
        with bench.host.lease(LeaseRequest()) as lease, torch.no_grad():
            together = lease.encode_prompts(prompts, embeddings=live, width=64, height=64)
            assert together.inserted == (3, 0, 3, 0)
            assert together.context.shape[:2] == (4, 154)
            for index, prompt in enumerate(prompts):
                alone = lease.encode_prompts([prompt], embeddings=live, width=64, height=64)
                length = alone.context.shape[1]
                bench.close(together.context[index, :length], alone.context[0], atol=1e-5, rtol=1e-5)
                if alone.vector is not None and together.vector is not None:
                    bench.close(together.vector[index], alone.vector[0], atol=1e-5, rtol=1e-5)

    def test_live_vectors_mean_what_a_saved_file_means(self, bench: Bench) -> None:
        prompt = "a (photo:1.1) of contract2, sky"
        live = {"contract2": bench.live()["tix3"]}
        with bench.host.lease(LeaseRequest()) as lease, torch.no_grad():
            before = lease.encode_prompts([prompt], embeddings={}, width=64, height=64)
            alive = lease.encode_prompts([prompt], embeddings=live, width=64, height=64)
            again = lease.encode_prompts([prompt], embeddings={}, width=64, height=64)
        assert torch.equal(before.context, again.context)
        assert not torch.allclose(before.context, alive.context)
        path = write(bench, "contract2", live["contract2"])
        try:
            bench.host.publish(path)
            assert "contract2" in bench.host.embedding_names()
            with bench.host.lease(LeaseRequest()) as lease, torch.no_grad():
                saved = lease.encode_prompts([prompt], embeddings={}, width=64, height=64)
                changed = {"contract2": {key: rows * 2 for key, rows in live["contract2"].items()}}
                wins = lease.encode_prompts([prompt], embeddings=changed, width=64, height=64)
            _same(bench, saved, alive)
            assert not torch.allclose(saved.context, wins.context)
            assert (alive.inserted, saved.inserted, wins.inserted) == ((3,), (0,), (3,))
        finally:
            path.unlink()
            bench.host.publish(path)

    def test_pictures_are_decided_by_their_request_and_the_vectors(self, bench: Bench) -> None:
        live = bench.live()
        other = {"tix3": {key: rows.detach() * -3 for key, rows in live["tix3"].items()}}
        request = PictureRequest(prompt="a tix3", steps=3, seed=4, width=64, height=64)
        with bench.host.lease(LeaseRequest()) as lease:
            first, moved, again = (lease.picture(request, embeddings=each) for each in (live, other, live))
            with pytest.raises(UserError, match="Nonsense"):
                lease.picture(PictureRequest(prompt="a", sampler="Nonsense"), embeddings={})
        assert first.image.size == (64, 64)
        assert first.image.tobytes() == again.image.tobytes()
        assert first.image.tobytes() != moved.image.tobytes()
        assert re.match(r"a tix3\n(.*\n)*Steps: 3, (Size: 64x64, )?Sampler: Euler a, ", first.infotext)

    def test_twenty_steps_have_the_losses_of_every_host(self, bench: Bench) -> None:
        config = bench.config()
        created = create(bench.host, name=config.name, init_text="ball", vectors=2, overwrite=True)
        before = read_embedding(created)
        finished = train(config, bench.host, control=Control(), emit=lambda _: None)
        assert finished.outcome == "done", finished.message
        path = Path(finished.embedding)
        try:
            assert path.parent == bench.host.embeddings_dir
            trained = read_embedding(path)
            assert trained.step == STEPS
            assert trained.vectors.keys() == before.vectors.keys()
            for key, rows in trained.vectors.items():
                assert not torch.equal(rows, before.vectors[key])
            assert config.name in bench.host.embedding_names()
            with (Path(finished.run_dir) / "textual_inversion_loss.csv").open() as file:
                rows = list(csv.DictReader(file))
            losses = [float(row["loss"]) for row in rows]
            expected = json.loads((REFERENCE / "contract_losses.json").read_text())[bench.variant]
            tolerance = self.loss_tolerance.get(bench.variant, 1e-4 * bench.looseness)
            assert losses == pytest.approx(expected, abs=tolerance)
            run = Path(finished.run_dir)
            assert sorted(file.name for file in (run / "images").iterdir()) == ["contract1-10.png", "contract1-20.png"]
        finally:
            path.unlink()
            bench.host.publish(path)


def _fresh(vectors: Vectors) -> Vectors:
    """The same numbers, without a gradient yet."""
    return {key: rows.detach().clone().requires_grad_() for key, rows in vectors.items()}


def _loss(lease: Lease, live: dict[str, Vectors], prompt: str) -> torch.Tensor:
    conditioning = lease.encode_prompts([prompt], embeddings=live, width=64, height=64)
    latents, noise = (probe(name, 1, 4, 8, 8).to(lease.device) for name in ("latents", "noise"))
    predicted = lease.predict(latents, torch.tensor([400], device=lease.device), conditioning)
    return torch.nn.functional.mse_loss(predicted, noise)


def _check_against_differences(bench: Bench, lease: Lease, live: dict[str, Vectors]) -> None:
    """Along the gradient itself the loss must rise as the gradient says."""
    vectors = live["tix3"]
    for key, rows in vectors.items():
        assert rows.grad is not None
        direction = rows.grad / rows.grad.norm()
        size = 0.005 * rows.detach().norm()
        with torch.no_grad():
            higher, lower = (
                _loss(lease, {"tix3": {**vectors, key: rows + sign * size * direction}}, "a photo of tix3")
                for sign in (1, -1)
            )
        near = 0.05 if bench.looseness == 1 else 0.3
        assert float((higher - lower) / (2 * size)) == pytest.approx(float(rows.grad.norm()), rel=near)


def _same(bench: Bench, one: Conditioning, other: Conditioning) -> None:
    bench.close(one.context, other.context, atol=1e-6, rtol=1e-6)
    if one.vector is not None and other.vector is not None:
        bench.close(one.vector, other.vector, atol=1e-6, rtol=1e-6)

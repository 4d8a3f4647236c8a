"""Bytes held on the device are counted, by what they are for and who asked for them; with nothing computed too."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

MB = 1 << 20


def _megabyte() -> torch.Tensor:
    return torch.empty(MB, dtype=torch.uint8, device="shadow")


def test_what_is_held_at_the_peak(shadow):
    before = shadow.ledger.held
    with shadow.ledger.recording() as record:
        with shadow.ledger.label("weights"):
            weights = [_megabyte(), _megabyte()]
        with shadow.ledger.label("activations"):
            kept = _megabyte()
            with shadow.ledger.label("previews"):
                _megabyte()
        del kept
        _megabyte()
    peak = record.peak()
    labels = peak.by_label()
    assert peak.held == before + 4 * MB
    assert (labels["weights"], labels["activations"], labels["previews"]) == (2 * MB, MB, MB)
    assert list(record.sizes())[-1] == before + 2 * MB == shadow.ledger.held
    assert shadow.ledger.now().by_label()["weights"] == 2 * MB
    del weights
    assert shadow.ledger.held == before


def test_the_peak_can_begin_anew(shadow):
    _megabyte()
    shadow.ledger.reset_peak()
    assert shadow.ledger.peak == shadow.ledger.held


def test_who_asked_for_it(shadow):
    with shadow.ledger.recording(depth=2) as record:
        kept = _megabyte()
    ((place, size),) = (
        record.peak().by_place().items()
        if len(record.start) == 0
        else [item for item in record.peak().by_place().items() if "_megabyte" in item[0]]
    )
    assert size == MB
    assert place.startswith("shadow/test_ledger.py:")
    assert "test_who_asked_for_it" in next(key for key in record.peak().by_place(2) if "_megabyte" in key)
    del kept


def test_small_blocks_take_what_cuda_gives_them(shadow):
    before = shadow.ledger.held
    kept = [torch.zeros(1, device="shadow"), torch.zeros(129, device="shadow"), torch.zeros(0, device="shadow")]
    assert shadow.ledger.held - before == 512 + 1024
    del kept


def test_a_view_keeps_the_whole(shadow):
    before = shadow.ledger.held
    base = _megabyte()
    view = base[:1]
    del base
    assert shadow.ledger.held - before == MB
    del view
    assert shadow.ledger.held == before


def _layers() -> nn.Sequential:
    """Three blocks of three layers, each of which keeps one activation for its SiLU."""
    layers = ([nn.Linear(256, 256, bias=False), nn.SiLU()] * 3 for _ in range(3))
    return nn.Sequential(*(nn.Sequential(*block) for block in layers))


def _train(layers: nn.Sequential, *, again: bool) -> None:
    x = torch.zeros(64, 256, device="shadow", requires_grad=True)
    out = x
    for layer in layers:
        out = checkpoint(layer, out, use_reentrant=False) if again else layer(out)
    out.sum().backward()


def test_with_nothing_computed_the_bytes_are_the_same(shadow):
    counts = []
    for computing in (True, False):
        with shadow.in_use() if computing else shadow.without_computing():
            layers = _layers().to("shadow").requires_grad_(False)
            start = shadow.ledger.held
            with shadow.ledger.recording() as record:
                for again in (False, True):
                    _train(layers, again=again)
            counts.append([size - start for size in record.sizes()])
            del layers
    assert counts[0] == counts[1]
    assert max(counts[0]) > 0


def test_activations_are_kept_until_the_backward_pass_and_not_where_blocks_are_computed_again(shadow):
    with shadow.without_computing():
        layers = _layers().to("shadow").requires_grad_(False)
        peaks = []
        for again in (False, True):
            with shadow.ledger.recording() as record:
                _train(layers, again=again)
            peaks.append(record.peak().held - sum(block.size for block in record.start))
    activation = 64 * 256 * 4
    assert peaks[0] == pytest.approx(12 * activation, abs=4096)  # 9 kept, input, output, a gradient
    assert peaks[1] < 9 * activation


def test_with_nothing_computed_a_large_model_takes_no_time_and_no_memory(shadow):
    with shadow.without_computing(), torch.device("shadow"):
        layers = nn.Sequential(*(nn.Linear(20_000, 20_000, bias=False) for _ in range(10))).half()
        out = layers(torch.zeros(8, 20_000, dtype=torch.float16))
        assert shadow.ledger.held >= 10 * 20_000**2 * 2
        assert out.shape == (8, 20_000)
        del layers


def test_with_nothing_computed_whatever_is_read_is_one(shadow):
    with shadow.without_computing():
        x = torch.zeros(2, 3, device="shadow")
        assert (x.sum().item(), bool(torch.isfinite(x).all()), x.cpu().tolist()) == (1.0, True, [[1.0] * 3] * 2)
        assert x.argmax().item() == 1
        assert torch.zeros(3).copy_(x[0]).tolist() == [1.0] * 3
        indexed = x[torch.tensor([0, 1, 1])]
        assert indexed.shape == (3, 3)
        picture = functional.interpolate(x[None, None], scale_factor=2.0)
        assert picture.to("cpu", torch.float64).shape == (1, 1, 4, 6)
        with pytest.raises(RuntimeError, match="same device"):
            torch.cat([x, torch.zeros(1, 3)])


def test_attention_without_computing_holds_what_it_holds(shadow):
    held = []
    for computing in (True, False):
        with shadow.in_use() if computing else shadow.without_computing():
            for dtype in (torch.float32, torch.float16):
                query = torch.zeros(1, 2, 32, 16, device="shadow", dtype=dtype, requires_grad=True)
                before = shadow.ledger.held
                with shadow.ledger.recording() as record:
                    functional.scaled_dot_product_attention(query, query, query).sum().backward()
                held.append([size - before for size in record.sizes()])
    assert held[:2] == held[2:]

"""Copies between the device and the CPU, pinned memory and copies that do not wait."""

from __future__ import annotations

import pytest
import torch


def test_copies_in_every_direction(shadow):
    plain, device = torch.arange(3.0), torch.zeros(3, device="shadow")
    assert device.copy_(plain) is device
    other = torch.empty(3, device="shadow", dtype=torch.float16).copy_(device)
    back = torch.empty(3).copy_(other)
    assert back.tolist() == [0.0, 1.0, 2.0]
    device[1:].copy_(torch.tensor(8.0))
    assert device.tolist() == [0.0, 8.0, 8.0]
    assert device.to("shadow") is device
    assert plain.to("shadow", copy=True).data_ptr() != plain.data_ptr()
    plain[0] = 99.0
    assert device.tolist() == [0.0, 8.0, 8.0]


def test_memory_is_pinned(shadow):
    plain = torch.ones(3)
    pinned = plain.pin_memory()
    assert (plain.is_pinned(), pinned.is_pinned(), pinned[1:].is_pinned()) == (False, True, True)
    assert pinned.equal(plain)
    assert pinned.to("shadow", non_blocking=True).tolist() == [1.0] * 3
    with pytest.raises(RuntimeError, match="only dense CPU tensors can be pinned"):
        plain.to("shadow").pin_memory()


@pytest.mark.parametrize("wait", [torch.zeros, "synchronize", "item"])
def test_a_copy_that_does_not_wait_is_not_there_before_the_device_is_waited_for(shadow, wait):
    device = torch.arange(3.0).to("shadow")
    back = device.to("cpu", non_blocking=True)
    assert back.is_pinned()
    device += 10  # comes after the copy, on the device's own order
    assert back.isnan().all(), "whoever reads now reads rubbish"
    if wait == "synchronize":
        torch.shadow.synchronize()
    elif wait == "item":
        device[0].item()
    else:
        device.cpu()
    assert back.tolist() == [0.0, 1.0, 2.0]


def test_copies_into_memory_that_is_not_pinned_wait(shadow):
    device, usual, pinned = torch.ones(2, device="shadow"), torch.zeros(2), torch.zeros(2).pin_memory()
    assert usual.copy_(device, non_blocking=True).tolist() == [1.0, 1.0]
    assert pinned.copy_(device, non_blocking=True).isnan().all()
    torch.shadow.synchronize()
    assert pinned.tolist() == [1.0, 1.0]


def test_conjugates_and_negatives_are_copied_as_what_they_are(shadow):
    plain = torch.tensor([1 + 2j, 3 - 1j])
    device = plain.to("shadow")
    assert device.conj().cpu().equal(plain.conj().resolve_conj())
    assert device.conj().imag.cpu().equal(-plain.imag)

"""What torch and the disk throw, as sentences."""

from __future__ import annotations

import errno

import pytest
import torch

from textual_inversion.core.base.errors import InputError
from textual_inversion.core.run.faults import as_user_error, is_out_of_memory
from textual_inversion.core.settings.train_config import TrainConfig

MEMORY = [
    MemoryError(),
    torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
    ),
    RuntimeError(
        "[enforce fail at ..\\alloc_cpu.cpp:80] DefaultCPUAllocator: not enough memory: you tried to allocate"
    ),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
]


@pytest.mark.parametrize("error", MEMORY, ids=str)
def test_out_of_memory_is_known_in_all_its_forms(error: Exception) -> None:
    assert is_out_of_memory(error)
    known = as_user_error(error, TrainConfig())
    assert known is not None
    assert (known.exit_code, known.field) == (4, "batch_size")
    assert known.message.startswith("Out of memory with batch size 1 at 512x512.")
    assert known.message.endswith("Everything trained so far was kept.")


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({"batch_size": 4}, "Lower the batch size and raise gradient accumulation instead"),
        ({}, "Set 'Compute again' to full, or train at a smaller width and height."),
        ({"recompute": "full"}, "Train at a smaller width and height, or close other programs"),
    ],
)
def test_the_advice_is_what_is_left_to_do(settings: dict[str, object], advice: str) -> None:
    known = as_user_error(MemoryError(), TrainConfig.from_mapping(settings))
    assert known is not None
    assert advice in known.message


def test_a_real_allocation_that_fails_is_one() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**55, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_a_full_disk_met_outside_of_our_own_writing_is_told() -> None:
    known = as_user_error(OSError(errno.ENOSPC, "No space left on device", "x/events.log"), TrainConfig())
    assert known is not None
    assert known.exit_code == 4
    assert "Cannot write x" in known.message
    assert "the disk is full" in known.message


def test_everything_else_is_a_fault_of_ours_and_user_errors_pass() -> None:
    told = InputError("x", field="name")
    assert as_user_error(told, TrainConfig()) is told
    for error in (RuntimeError("size mismatch"), ZeroDivisionError(), OSError(errno.ENOENT, "no such file")):
        assert as_user_error(error, TrainConfig()) is None
        assert not is_out_of_memory(error)

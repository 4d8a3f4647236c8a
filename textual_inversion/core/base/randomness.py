"""Every random choice of a run, from generators that depend on nothing but their arguments.

A generator is made afresh for each (seed, purpose, indices), such as (7, "noise", step, micro). So a choice does not
depend on how many others were made before it: a stopped run resumes bit for bit without any saved generator state, and
previews, other options and the web UI's own global random numbers change nothing. All draws are on the CPU: an
accelerator's generator gives other numbers on another card.
"""

from __future__ import annotations

import hashlib

import torch


def generator(seed: int, purpose: str, *indices: int) -> torch.Generator:
    """A CPU generator decided by its arguments alone, the same in every process and on every platform.

    The arguments go through SHA-256 and not through ``hash()`` (salted in each process) or a sum (under which seed 1
    at step 2 would be seed 2 at step 1).
    """
    key = repr((int(seed), purpose, *(int(index) for index in indices)))
    digest = hashlib.sha256(key.encode("utf-8")).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def permutation(seed: int, purpose: str, epoch: int, count: int) -> list[int]:
    """The numbers 0 to ``count - 1`` in the order of one epoch."""
    return torch.randperm(count, generator=generator(seed, purpose, epoch)).tolist()


def uniform(source: torch.Generator) -> float:
    """One draw from [0, 1)."""
    return torch.rand((), generator=source, dtype=torch.float64).item()


def choice_index(source: torch.Generator, count: int) -> int:
    """One of 0 to ``count - 1``, each as likely as the others."""
    return int(torch.randint(count, (), generator=source).item())

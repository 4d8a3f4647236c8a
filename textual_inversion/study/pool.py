"""Several trainings side by side on one model: their calls meet here and are computed together.

A step of a single picture leaves most of a processor's matrix units idle; thirty of them in one batch take a third to a
fifth of the time. Every training runs the engine's own loop in a thread of its own and sees an ordinary lease.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from ..core.embedding.embedding import Vectors
from ..core.model.host import Conditioning, Lease


@dataclass(kw_only=True)
class _Joint:
    """One joint computation with a gradient: what went in and came out of it, a list for each member that took part."""

    leaves: list[list[torch.Tensor]] = field(default_factory=list[list[torch.Tensor]])
    outputs: list[torch.Tensor] = field(default_factory=list[torch.Tensor])


@dataclass(kw_only=True)
class _Request:
    """One member's wish; ``answer`` is filled in when all of them wait."""

    kind: str
    content: Any
    gradient: bool
    answer: Any = None
    done: bool = False


class Pool:
    """Meeting point of ``members`` threads, each of which works inside ``taking_part``."""

    def __init__(self, lease: Lease, *, members: int) -> None:
        self.lease = lease
        self._active = members
        self._meeting = threading.Condition()
        self._pending: list[_Request] = []
        self._error: BaseException | None = None

    @contextmanager
    def taking_part(self) -> Iterator[None]:
        """Be one of the members; leaving, by any door, is one less to wait for.

        The backward passes of this thread run in this thread. A card has one thread for those of all, and it would wait
        in the first one's for the others.
        """
        try:
            with torch.autograd.set_multithreading_enabled(False):
                yield
        finally:
            with self._meeting:
                self._active -= 1
                self._answer_if_all_wait()

    def ask(self, kind: str, content: Any, *, gradient: bool = False) -> Any:
        """Wait until every member asks for something; returns this one's part of the joint answer."""
        request = _Request(kind=kind, content=content, gradient=gradient)
        with self._meeting:
            self._pending.append(request)
            self._answer_if_all_wait()
            while not request.done:
                self._meeting.wait()
        if isinstance(request.answer, BaseException):
            raise RuntimeError(f"A joint computation failed: {request.answer}") from request.answer
        return request.answer

    def _answer_if_all_wait(self) -> None:
        if not self._pending or len(self._pending) < self._active:
            return
        requests, self._pending = self._pending, []
        try:
            for kind, compute in _KINDS.items():
                for gradient in (True, False):
                    group = [r for r in requests if r.kind == kind and r.gradient == gradient]
                    if group:
                        with torch.set_grad_enabled(gradient):  # this thread is whichever came last
                            compute(self.lease, group)
        except BaseException as error:  # told to every member, which end their runs with it
            for request in requests:
                request.answer = error
        for request in requests:
            request.done = True
        self._meeting.notify_all()


@dataclass(frozen=True, kw_only=True)
class _Prompts:
    prompts: Sequence[str]
    embeddings: Mapping[str, Vectors]
    size: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class _Noisy:
    latents: torch.Tensor
    timesteps: torch.Tensor
    context: torch.Tensor


def _encode(lease: Lease, group: list[_Request]) -> None:
    """All prompts in one pass of the text encoder. An answer is (context, inserted, joint, place)."""
    joint = _Joint()
    gradient = group[0].gradient
    together: dict[str, Vectors] = {}
    for request in group:
        leaves: list[torch.Tensor] = []
        for name, vectors in request.content.embeddings.items():
            together[name] = {key: rows.detach().requires_grad_(gradient) for key, rows in vectors.items()}
            leaves += together[name].values()
        joint.leaves.append(leaves)
    width, height = group[0].content.size
    prompts = [text for request in group for text in request.content.prompts]
    done = lease.encode_prompts(prompts, embeddings=together, width=width, height=height)
    start = 0
    for place, request in enumerate(group):
        end = start + len(request.content.prompts)
        joint.outputs.append(done.context[start:end])
        request.answer = (done.context[start:end].detach(), done.inserted[start:end], joint, place)
        start = end


def _predict(lease: Lease, group: list[_Request]) -> None:
    """All noisy latents in one pass of the U-Net. An answer is (prediction, joint, place)."""
    joint = _Joint()
    gradient = group[0].gradient
    contents: list[_Noisy] = [request.content for request in group]
    longest = max(content.context.shape[1] for content in contents)
    if any(content.context.shape[1] != longest for content in contents):
        raise ValueError("runs with prompts above 75 tokens cannot be computed together with others")
    joint.leaves = [[content.context.detach().requires_grad_(gradient)] for content in contents]
    context = torch.cat([leaves[0] for leaves in joint.leaves])
    prediction = lease.predict(
        torch.cat([content.latents for content in contents]),
        torch.cat([content.timesteps for content in contents]),
        Conditioning(context=context, vector=None, inserted=(0,) * len(context)),
    )
    parts = prediction.split([len(content.latents) for content in contents])
    for place, (request, part) in enumerate(zip(group, parts, strict=True)):
        joint.outputs.append(part)
        request.answer = (part.detach(), joint, place)


def _decode(lease: Lease, group: list[_Request]) -> None:
    """All latents through the VAE's decoder at once, in bfloat16: at its full resolution it costs more than the U-Net. An
    answer is (pixels, joint, place)."""
    joint = _Joint()
    gradient = group[0].gradient
    joint.leaves = [[request.content.detach().requires_grad_(gradient)] for request in group]
    with torch.autocast(lease.device.type, torch.bfloat16):
        pixels = lease.decode_latents(torch.cat([leaves[0] for leaves in joint.leaves])).float()
    for place, (request, part) in enumerate(zip(group, pixels.split([len(r.content) for r in group]), strict=True)):
        joint.outputs.append(part)
        request.answer = (part.detach(), joint, place)


def _backward(_lease: Lease, group: list[_Request]) -> None:
    """The gradients of each joint computation, for all members that want them at once. A member's losses only depend on
    its own part, so each gets what it would have got alone."""
    for joint in {id(request.content[0]): request.content[0] for request in group}.values():
        mine = [request for request in group if request.content[0] is joint]
        wanted = [leaf for request in mine for leaf in joint.leaves[request.content[1]]]
        gradients = torch.autograd.grad(
            [joint.outputs[request.content[1]] for request in mine],
            wanted,
            [request.content[2] for request in mine],
            allow_unused=True,
            retain_graph=len(mine) < len(joint.outputs),  # the others may come for theirs at another meeting
        )
        remaining = list(gradients)
        for request in mine:
            count = len(joint.leaves[request.content[1]])
            request.answer, remaining = tuple(remaining[:count]), remaining[count:]


_KINDS: dict[str, Callable[[Lease, list[_Request]], None]] = {
    "encode": _encode,
    "predict": _predict,
    "decode": _decode,
    "backward": _backward,
}


class _Shared(torch.autograd.Function):
    """Puts one member's part of a joint computation into that member's own graph."""

    @staticmethod
    def forward(
        ctx: Any, pool: Pool, joint: _Joint, place: int, output: torch.Tensor, *_: torch.Tensor
    ) -> torch.Tensor:
        ctx.pool, ctx.joint, ctx.place = pool, joint, place
        return output.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        found = ctx.pool.ask("backward", (ctx.joint, ctx.place, grads[0]))
        return (None, None, None, None, *found)


class PooledLease:
    """One member's view of the lease: prompts, predictions and decoding go through the pool, all else straight to the model."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool.lease, name)

    def park_vae(self) -> None:
        """Leave it on its device: another member may be encoding its pictures."""

    def encode_prompts(
        self, prompts: Sequence[str], *, embeddings: Mapping[str, Vectors], width: int, height: int
    ) -> Conditioning:
        """As ``Lease.encode_prompts``."""
        rows = [rows for vectors in embeddings.values() for rows in vectors.values()]
        gradient = torch.is_grad_enabled() and any(each.requires_grad for each in rows)
        content = _Prompts(prompts=prompts, embeddings=embeddings, size=(width, height))
        context, inserted, joint, place = self._pool.ask("encode", content, gradient=gradient)
        if gradient and any(inserted):
            context = _Shared.apply(self._pool, joint, place, context, *rows)
        return Conditioning(context=context, vector=None, inserted=inserted)

    def predict(self, noisy: torch.Tensor, timesteps: torch.Tensor, conditioning: Conditioning) -> torch.Tensor:
        """As ``Lease.predict``."""
        gradient = torch.is_grad_enabled() and conditioning.context.requires_grad
        content = _Noisy(latents=noisy, timesteps=timesteps, context=conditioning.context)
        prediction, joint, place = self._pool.ask("predict", content, gradient=gradient)
        if gradient:
            prediction = _Shared.apply(self._pool, joint, place, prediction, conditioning.context)
        return prediction

    def decode_latents(self, latents: torch.Tensor) -> torch.Tensor:
        """As ``Lease.decode_latents``."""
        gradient = torch.is_grad_enabled() and latents.requires_grad
        pixels, joint, place = self._pool.ask("decode", latents, gradient=gradient)
        return _Shared.apply(self._pool, joint, place, pixels, latents) if gradient else pixels

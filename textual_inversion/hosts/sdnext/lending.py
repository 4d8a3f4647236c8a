"""Borrowing the loaded model. Imported with the first lease."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from modules import sd_models, shared

from ...core.model.host import LeaseRequest
from ...core.record.kept_steps import StepCopies
from .lease import SDNextLease
from .loan import Loan
from .model.pinned import Pinned
from .model.pipeline import check_precision
from .model.refusals import loaded_pipe
from .model.vae_choice import chosen_vae


@contextmanager
def lent(request: LeaseRequest, *, copies: StepCopies | None = None) -> Iterator[SDNextLease]:
    """Raises LeaseError where the loaded model cannot be trained on, or not in the precision asked for."""
    check_precision(loaded_pipe(), request)
    # As each text to picture does first: after an image to image task it is a pipeline of another class.
    pipe = sd_models.set_diffuser_pipe(shared.sd_model, sd_models.DiffusersTaskType.TEXT_2_IMAGE)
    shared.sd_model = pipe
    with ExitStack() as stack:
        stack.enter_context(chosen_vae(pipe, request.vae))
        loan = stack.enter_context(Loan(pipe, request))
        lease = SDNextLease(pipe, request, loan=loan, pinned=Pinned.now(pipe), copies=copies)
        stack.callback(lease.unpark)
        yield lease

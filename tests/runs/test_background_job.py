from __future__ import annotations

import threading

import pytest

from textual_inversion.core.base.errors import InputError, UserError
from textual_inversion.runs.background_job import BackgroundJob


def made(work, ended=lambda error: None) -> BackgroundJob:
    job = BackgroundJob("a job", work, ended=ended)
    job.start()
    return job


def test_a_refusal_before_the_first_sign_of_life_is_an_answer() -> None:
    told: list[UserError | None] = []

    def refuse() -> None:
        raise InputError("No.", field="data")

    with pytest.raises(InputError, match="No") as caught:
        made(refuse, told.append).settle(10)
    assert caught.value.field == "data"
    assert told == [caught.value], "whoever owns the job has heard of it by then"


def test_a_fault_is_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(
        UserError, match=r"A fault in the program \(ZeroDivisionError: .*\)\. Its log has the details"
    ) as caught:
        made(lambda: 1 / 0).settle(10)
    assert caught.value.exit_code == 1
    assert "a job failed" in caplog.text


def test_after_a_sign_of_life_only_the_owner_hears_of_it() -> None:
    go, told = threading.Event(), []

    def work() -> None:
        job.show()
        go.wait(10)
        raise InputError("Late.")

    job = BackgroundJob("a job", work, ended=told.append)
    job.start()
    job.settle(10)
    go.set()
    job.join(10)
    job.settle(10)
    assert [str(error) for error in told] == ["Late."]


def test_what_takes_longer_is_left_alone() -> None:
    go, told = threading.Event(), []
    job = made(lambda: go.wait(10), told.append)
    job.settle(0.01)
    assert told == []
    go.set()
    job.join(10)
    assert told == [None]

"""Ctrl-C, kill, a closed terminal."""

from __future__ import annotations

import dataclasses
import signal

import pytest
from fake_commands import FINISHED

from textual_inversion import cli


def send(*numbers):
    for number in numbers:
        signal.raise_signal(number)


NO_HANGUP = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signal")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", pytest.param("SIGHUP", marks=NO_HANGUP)])
def test_a_first_signal_interrupts_and_a_ctrl_c_after_it_ends_at_once(host, engine, capsys, name):
    number, before = getattr(signal, name), signal.getsignal(getattr(signal, name))

    def once(control):
        send(number)
        assert control.interrupted.is_set()

    engine.during = once
    engine.finished = dataclasses.replace(FINISHED, exit_code=130)
    assert cli.main(["train", "cat"]) == 130
    assert "Press Ctrl-C again" in capsys.readouterr().err
    engine.during = lambda control: send(number, signal.SIGINT)
    assert cli.main(["train", "cat"]) == 130
    assert "Ended at once" in capsys.readouterr().err
    assert signal.getsignal(number) is before


@NO_HANGUP
def test_a_closed_terminal_may_say_so_twice(host, engine):
    engine.during = lambda control: send(signal.SIGHUP, signal.SIGHUP, signal.SIGTERM)
    engine.finished = dataclasses.replace(FINISHED, exit_code=130)
    assert cli.main(["train", "cat"]) == 130
    assert len(engine.calls) == 1


@NO_HANGUP
def test_nohup_holds(host, engine, monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        engine.during = lambda control: (
            send(signal.SIGHUP),
            control.interrupted.is_set() and pytest.fail("interrupted"),
        )
        assert cli.main(["train", "cat"]) == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@NO_HANGUP
def test_the_app_ends_by_kill_as_by_ctrl_c_and_saves_undisturbed(host, monkeypatch):
    import textual_inversion.ui.standalone

    saved = []

    def launch(*_, **__):
        try:
            send(signal.SIGTERM)
            pytest.fail("went on")
        except KeyboardInterrupt:
            send(signal.SIGHUP, signal.SIGTERM)
            saved.append("all")

    monkeypatch.setattr(textual_inversion.ui.standalone, "launch", launch)
    assert cli.main(["ui"]) == 0
    assert saved == ["all"]

"""Output of the command line: results to standard output, everything else to standard error; with `--json` only JSON to the former."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, TextIO, cast

from ..core.base.json_values import finite


class Console:
    """The terminal of one command."""

    def __init__(self, *, json_output: bool, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.json_output = json_output
        self.out = out or sys.stdout
        self.err: TextIO = cast(TextIO, _Lasting(err or sys.stderr))
        self._reader_left = False

    def say(self, text: str) -> None:
        """A result, for a person."""
        if self.json_output:
            self.note(text)
        else:
            self._write(text)

    def note(self, text: str) -> None:
        """Tell a person about work that goes on."""
        print(text, file=self.err, flush=True)

    def record(self, value: Any) -> None:
        """A result or an event, for a program: one line of JSON, and nothing without `--json`."""
        if self.json_output:
            self._write(json.dumps(finite(value)))

    def _write(self, line: str) -> None:
        """To standard output. A reader that closed its end (`| head`) does not stop what is being done."""
        if self._reader_left:
            return
        try:
            print(line, file=self.out, flush=True)
        except BrokenPipeError:
            self._reader_left = True
            _into_nothing(self.out)

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Inside, what a library prints to standard output goes to standard error when that must hold JSON only."""
        if not self.json_output:
            yield
            return
        with redirect_stdout(self.err):
            yield


class _Lasting:
    """A stream for words: where nobody can read them any more (`| head`, a closed terminal), they go nowhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            _into_nothing(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            _into_nothing(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _into_nothing(stream: TextIO) -> None:
    """Let what is left in the stream's buffer go nowhere, or Python complains when it ends (its own manual's advice)."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

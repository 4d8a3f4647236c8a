"""The command line: finds the command, runs it, and turns what goes wrong into a sentence and an exit code.

Exit codes: 0 done; 2 bad input or usage; 3 NaN or divergence; 4 out of memory or disk; 130 interrupted, everything saved;
1 a fault of ours, shown with its traceback.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from . import __version__
from .commands import (
    caption,
    check,
    convert,
    create,
    demo,
    demo_checkpoint,
    generate,
    inspect,
    preprocess,
    resume,
    spread_mask,
    train,
    ui,
)
from .commands.command import Command
from .commands.config_options import option_strings
from .commands.console import Console
from .commands.shared import add_shared_options
from .core.base.errors import ResourceError, UserError
from .core.base.files import read_error
from .core.base.options import options_of
from .core.settings.train_config import TrainConfig
from .prepare.settings import PrepareSettings

PROGRAM = "python -m textual_inversion"
COMMANDS: tuple[Command, ...] = tuple(
    module.COMMAND
    for module in (
        create,
        preprocess,
        caption,
        spread_mask,
        check,
        train,
        resume,
        generate,
        inspect,
        convert,
        ui,
        demo,
        demo_checkpoint,
    )
)
_POSITIONAL = ("name", "source", "destination")
_OURS, _USAGE, _INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a name that the terminal's encoding lacks must not end a run
    parsed = parser().parse_args(arguments)
    console = Console(json_output=parsed.json)
    try:
        with console.guarded():
            return parsed.command.run(parsed, console)
    except UserError as error:
        _refuse(console, error.message + _option_hint(parsed.command, error.field), field=error.field)
        return error.exit_code
    except KeyboardInterrupt:
        _refuse(console, "Ended at once. What was saved before is kept.")
        return _INTERRUPTED
    except Exception as error:
        if known := _known(error):
            _refuse(console, known.message)
            return known.exit_code
        traceback.print_exc(file=console.err)
        console.note("\nThis is a fault of the program, not of yours. Please report it with the lines above.")
        console.record({"error": f"{type(error).__name__}: {error}", "field": None})
        return _OURS


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = _Parser(
        prog=PROGRAM,
        description="Train textual-inversion embeddings for Stable Diffusion, and use them.",
        epilog=f"Each command has its own help: {PROGRAM} train --help",
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for command in COMMANDS:
        one = commands.add_parser(
            command.name,
            help=command.summary,
            description=command.description,
            usage=f"{PROGRAM} {command.name} {command.usage}",
            epilog="examples:\n" + "\n".join(f"  {PROGRAM} {example}" for example in command.examples),
            formatter_class=_Help,
            allow_abbrev=False,
        )
        command.add_options(one)
        add_shared_options(one)
        one.set_defaults(command=command)
    return top


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence, without the usage of forty options above it."""
        self.exit(_USAGE, f"{self.prog}: {message}. See {self.prog} --help\n")


class _Help(argparse.HelpFormatter):
    """Wraps descriptions but not the examples; a little wider than usual."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=110)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith("examples:") else super()._fill_text(text, width, indent)


def _refuse(console: Console, message: str, *, field: str | None = None) -> None:
    console.note(message)
    console.record({"error": message, "field": field})


def _option_hint(command: Command, field: str | None) -> str:
    """Messages speak of a field by its label in forms; beside it goes what is typed for it here."""
    settings = {train.COMMAND: TrainConfig, preprocess.COMMAND: PrepareSettings, caption.COMMAND: PrepareSettings}
    typed = command in settings and field in options_of(settings[command]) and field not in _POSITIONAL
    return f" ({option_strings(str(field))[0]})" if typed else ""


def _known(error: Exception) -> UserError | None:
    """The sentence for memory or disk that ran out outside of a run (inside, the run says it), or a path that cannot be read."""
    if isinstance(error, OSError) and (known := read_error(error)):
        return known
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return ResourceError(
            "There is not enough memory for this. Choose a smaller size, or close other programs that use the device."
        )
    return None

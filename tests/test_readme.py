"""What the README shows is what the program takes: commands, options, files."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from textual_inversion import cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "templates/README.md",
    *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^ {4}(python .+)$", README, re.MULTILINE)
PROGRAM = "python -m textual_inversion "
OPTIONS = sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)))
ELSEWHERE = {"--test", "--demo"}
"""Options of run.py."""


def test_the_first_two_commands():
    assert SHOWN[:2] == ["python run.py", "python run.py --test"]


@pytest.mark.parametrize("line", [line for line in SHOWN if line.startswith(PROGRAM)])
def test_commands_are_understood(line):
    cli.parser().parse_args(shlex.split(line.removeprefix(PROGRAM)))


def test_there_are_no_other_commands():
    known = ("python run.py", PROGRAM, "python -m benchmarks")
    assert [line for line in SHOWN if not line.startswith(known)] == []


def test_the_table_lists_every_command():
    listed = re.findall(r"^\| `([a-z-]+)[ `]", README, re.MULTILINE)
    assert listed == [command.name for command in cli.COMMANDS]


@pytest.mark.parametrize("option", [option for option in OPTIONS if option not in ELSEWHERE])
def test_options_exist(option):
    """Some command says this option in its help."""
    assert any(re.search(rf"(?<![\w-]){option}(?![\w-])", parser.format_help()) for parser in _parsers())


def test_continuous_integration_runs_the_second_command():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search(r"run\.py --test", script)


def _parsers():
    (commands,) = [action for action in cli.parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return list(commands.choices.values())


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not target.startswith(("http://", "https://")):
            assert ((ROOT / page).parent / target).exists(), target


def test_formats_listed_are_those_that_can_be_written():
    from textual_inversion.core.formats import FORMATS

    listed = README.split("`--format` ")[1].split(".\n")[0]
    assert set(re.findall(r"[a-z0-9-]+(?=`)", listed)) == set(FORMATS)

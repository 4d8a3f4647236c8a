"""`run.py` and what it stands on, without making a real environment or downloading anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from textual_inversion import environment
from textual_inversion.environment import SetupError, requirements

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = """
[project]
dependencies = [
    "torch>=2.1",  # large
    "uvicorn[standard]>=0.2",
]

[project.optional-dependencies]
test = ["pytest>=8"]
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    return tmp_path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Records every command instead of running it; `venv` makes an interpreter that 'works'."""
    made: list[list[str]] = []

    def fake_run(command, **_):
        made.append(list(command))
        if "venv" in command:
            python = environment.python_of(Path(command[-1]))
            python.parent.mkdir(parents=True)
            python.write_text("")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(environment.subprocess, "run", fake_run)
    return made


def installs(calls: list[list[str]]) -> list[list[str]]:
    return [command for command in calls if "install" in command]


def test_requirements_keeps_brackets_inside_strings():
    assert requirements(PYPROJECT) == ["torch>=2.1", "uvicorn[standard]>=0.2"]
    assert requirements(PYPROJECT, extras=("test",))[-1] == "pytest>=8"


def test_requirements_of_a_missing_extra():
    with pytest.raises(SetupError, match="no list called 'docs'"):
        requirements(PYPROJECT, extras=("docs",))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is new in Python 3.11")
def test_requirements_are_those_a_toml_parser_finds():
    import tomllib

    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    assert requirements(text) == project["dependencies"]
    assert requirements(text, extras=("test",)) == project["dependencies"] + project["optional-dependencies"]["test"]


def test_first_start_makes_and_fills_the_environment_and_the_second_does_neither(clone, calls):
    python = environment.ready(clone)
    assert python == environment.python_of(clone / ".venv")
    assert [command for command in calls if "venv" in command] == [
        [sys.executable, "-m", "venv", "--clear", str(clone / ".venv")]
    ]
    assert installs(calls)[0][-2:] == ["torch>=2.1", "uvicorn[standard]>=0.2"]

    calls.clear()
    environment.ready(clone)
    assert installs(calls) == []
    assert not any("venv" in command for command in calls)


def test_tests_install_their_extra_once(clone, calls):
    environment.ready(clone)
    calls.clear()
    environment.ready(clone, extras=("test",))
    environment.ready(clone, extras=("test",))
    environment.ready(clone)
    assert len(installs(calls)) == 1
    assert installs(calls)[0][-1] == "pytest>=8"


def test_a_changed_requirement_is_installed(clone, calls):
    environment.ready(clone)
    calls.clear()
    (clone / "pyproject.toml").write_text(PYPROJECT.replace("torch>=2.1", "torch>=2.5"), encoding="utf-8")
    environment.ready(clone)
    assert "torch>=2.5" in installs(calls)[0]


def test_an_installation_that_broke_is_taken_up_again(clone, calls, monkeypatch):
    fake_run = environment.subprocess.run

    def failing(command, **options):
        done = fake_run(command, **options)
        return subprocess.CompletedProcess(command, 1) if "install" in command else done

    with monkeypatch.context() as broken:
        broken.setattr(environment.subprocess, "run", failing)
        with pytest.raises(SetupError, match="what is there already is kept"):
            environment.ready(clone)
    calls.clear()
    environment.ready(clone)
    assert len(installs(calls)) == 1
    assert not any("--clear" in command for command in calls), "the environment itself was fine"


def test_an_environment_whose_python_is_gone_is_made_anew(clone, calls):
    environment.ready(clone)
    environment.python_of(clone / ".venv").unlink()
    calls.clear()

    environment.python_of(clone / ".venv").parent.rmdir()
    environment.ready(clone)
    assert any("--clear" in command for command in calls)


def test_a_broken_stamp_means_nothing_is_installed(clone, calls):
    environment.ready(clone)
    (clone / ".venv" / "installed.json").write_text("{not json", encoding="utf-8")
    calls.clear()
    environment.ready(clone)
    assert len(installs(calls)) == 1
    assert json.loads((clone / ".venv" / "installed.json").read_text()) == sorted(requirements(PYPROJECT))


def test_no_virtual_environment_names_the_debian_package(clone, monkeypatch):
    monkeypatch.setattr(environment.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1))
    with pytest.raises(SetupError, match="python3-venv"):
        environment.ready(clone)


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ([], ["-m", "textual_inversion", "ui"]),
        (["--port", "7000", "--no-browser"], ["-m", "textual_inversion", "ui", "--port", "7000", "--no-browser"]),
        (["--demo", "--steps", "5"], ["-m", "textual_inversion", "demo", "--steps", "5"]),
        (["--test", "-k", "cli"], ["-m", "pytest", "-k", "cli"]),
    ],
)
def test_what_is_started(arguments, command, monkeypatch):
    monkeypatch.chdir(Path.cwd())
    started: list[list[str]] = []
    asked_for: list[tuple[str, ...]] = []

    def fake_ready(_root: Path, *, extras: tuple[str, ...]) -> Path:
        asked_for.append(extras)
        return Path("python")

    monkeypatch.setattr(environment, "ready", fake_ready)
    monkeypatch.setattr(environment, "hand_over", lambda command: started.append(command) or 0)
    assert environment.start(arguments, usage="") == 0
    assert started == [["python", *command]]
    assert asked_for == [("test",) if "--test" in arguments else ()]


def test_a_failed_installation_is_a_sentence_and_exit_code_1(monkeypatch, capsys):
    def fail(*_, **__):
        raise SetupError("no disk")

    monkeypatch.setattr(environment, "ready", fail)
    assert environment.start([], usage="") == 1
    assert capsys.readouterr().err == "no disk\n"


def test_ctrl_c_during_the_installation(monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "ready", interrupt)
    assert environment.start([], usage="") == 130
    assert "takes up the installation" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="the other way of waiting")
def test_windows_waits_for_the_command_through_ctrl_c(monkeypatch):
    monkeypatch.setattr(environment.os, "name", "nt")
    monkeypatch.setattr(environment.subprocess, "Popen", _InterruptedOnce)
    assert environment.hand_over(["python"]) == 7


class _InterruptedOnce:
    waits = 0

    def __init__(self, command):
        self.command = command

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def wait(self) -> int:
        self.waits += 1
        if self.waits == 1:
            raise KeyboardInterrupt
        return 7


@pytest.fixture
def without_torch(monkeypatch):
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)


def test_commands_find_the_clones_own_python(without_torch, clone, calls, monkeypatch):
    environment.ready(clone)
    started: list[list[str]] = []
    monkeypatch.setattr(environment, "hand_over", lambda command: started.append(command) or 5)
    monkeypatch.setattr(sys, "argv", ["__main__.py", "create", "cat"])
    assert environment.run_module("textual_inversion", lambda: 0, root=clone) == 5
    python = str(environment.python_of(clone / ".venv"))
    assert started == [[python, "-m", "textual_inversion", "create", "cat"]]


def test_a_python_with_torch_alone_hands_over_too(clone, calls, monkeypatch):
    environment.ready(clone)
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: name if name == "torch" else None)
    monkeypatch.setattr(environment, "hand_over", lambda command: 5)
    assert environment.run_module("textual_inversion", lambda: 0, root=clone) == 5


def test_commands_say_what_to_do_before_anything_is_installed(without_torch, clone, capsys):
    assert environment.run_module("textual_inversion", lambda: 0, root=clone) == 1
    assert "python run.py" in capsys.readouterr().err


def test_a_half_filled_environment_does_not_start_itself_for_ever(without_torch, clone, calls, monkeypatch, capsys):
    environment.ready(clone)
    monkeypatch.setattr(sys, "prefix", str(clone / ".venv"))
    assert environment.run_module("textual_inversion", lambda: 0, root=clone) == 1
    assert "python run.py" in capsys.readouterr().err


def test_commands_run_at_once_where_the_packages_are():
    assert environment.run_module("textual_inversion", lambda: 3) == 3


def test_help_needs_no_environment():
    done = subprocess.run([sys.executable, str(ROOT / "run.py"), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "--demo" in done.stdout
    assert "--test" in done.stdout


def test_an_old_python_gets_a_sentence():
    """What stands before the version check must be readable for Python 2 as well."""
    text = (ROOT / "run.py").read_text(encoding="utf-8")
    body = text.split('"""', 2)[2].split("from textual_inversion")[0]
    for modern in ('f"', "->", "annotations", ":="):
        assert modern not in body

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import click
import pytest

from stylezoo.cli.main import COMMANDS, cli
from stylezoo.errors import OptionError
from stylezoo.zoo import catalog


def broken(monkeypatch, error):
    """Make every look-up in the registry raise `error`."""

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(catalog, "list_models", fail)


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_names_every_command(run, arguments):
    result = run(*arguments)
    assert result.exit_code == 0
    assert all(f"  {name} " in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_explains_itself(run, name):
    result = run(name, "-h")
    assert result.exit_code == 0
    command = cli.get_command(click.Context(cli), name)
    assert command.name == name
    assert command.help
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_version(run):
    assert run("--version").stdout == "stylezoo 0.1.0\n"


def test_misspelt_command_suggests_the_right_one(refused):
    assert "no command 'stylise'. Did you mean stylize" in refused("stylise")
    assert "no command 'help'. Did you mean --help" in refused("help")


def test_unknown_option_suggests_the_right_one_and_where_help_is(refused):
    line = refused("list", "--famly", "cin")
    assert "--family" in line
    assert "stylezoo list --help" in line


def test_wrong_choice_names_the_choices(refused):
    assert "'single', 'multi', 'arbitrary'" in refused("list", "--kind", "many")


def test_error_is_one_line_even_if_its_message_is_not(refused, monkeypatch):
    broken(monkeypatch, OptionError("first\nsecond"))
    assert refused("list") == "stylezoo: first second\n"


def test_file_error_names_the_file(refused, monkeypatch):
    broken(monkeypatch, PermissionError(13, "Permission denied", "zoo.yaml"))
    assert refused("list") == "stylezoo: zoo.yaml: Permission denied\n"


def test_out_of_memory_says_what_to_do(refused, monkeypatch):
    broken(monkeypatch, RuntimeError("CUDA out of memory. Tried to allocate 20 GiB"))
    assert "--size" in refused("list")


def test_internal_error_is_one_line_that_says_how_to_see_more(run, monkeypatch):
    broken(monkeypatch, ZeroDivisionError("division by zero"))
    result = run("list")
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "ZeroDivisionError: division by zero" in result.stderr
    assert "STYLEZOO_DEBUG=1" in result.stderr


@pytest.mark.parametrize(("arguments", "env"), [(["--debug"], {}), ([], {"STYLEZOO_DEBUG": "1"})])
def test_debug_shows_the_traceback(run, monkeypatch, arguments, env):
    broken(monkeypatch, OptionError("a message"))
    result = run(*arguments, "list", env=env)
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("stylezoo: a message\n")


def test_interrupt_exits_with_130_and_no_traceback(run, monkeypatch):
    broken(monkeypatch, KeyboardInterrupt())
    result = run("list")
    assert result.exit_code == 130
    assert result.stderr.strip() == "stylezoo: interrupted"


def test_warnings_are_one_line_on_stderr(run, monkeypatch, zoo):
    def warn(*_, **__):
        warnings.warn("a picture\nhas 2 frames", UserWarning, stacklevel=1)
        return ["johnson/mosaic"]

    monkeypatch.setattr(catalog, "list_models", warn)
    result = run("list")
    assert result.exit_code == 0
    assert result.stderr == "stylezoo: warning: a picture has 2 frames\n"
    assert "frames" not in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--json"], ["stylize", "--help"]])
def test_nothing_heavy_is_imported_to_look_things_up(arguments):
    script = (
        "import sys; from stylezoo.cli.main import cli; cli.main(sys.argv[1:], standalone_mode=False); "
        "print(sorted({'torch', 'torchvision', 'timm', 'numpy', 'PIL', 'huggingface_hub'} & set(sys.modules)), "
        "file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.skipif(os.name == "nt", reason="a shell pipe")
def test_closed_pipe_is_quiet():
    command = f'"{sys.executable}" -m stylezoo --help | true'
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stderr == ""

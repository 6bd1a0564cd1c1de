"""`stylezoo import`."""

# ruff: noqa: N999 - a command's module is called as the command, and found by that name

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.console import put_json, say
from stylezoo.errors import OptionError
from stylezoo.zoo.families import those

if TYPE_CHECKING:
    from stylezoo.zoo.spec import ModelSpec


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="FAMILY/NAME, what the net is called.  [of this package: as before]")
@click.option("--license", help="Of the weights, as those who trained them state it.  [of this package: as before]")
@click.option(
    "--family",
    type=click.Choice(those(weightless=False)),
    help="What the file is expected to hold.  [default: whatever it holds]",
)
@click.option("--encoder", type=click.Path(path_type=Path), help="The vgg_normalised.pth of an AdaIN decoder.")
@click.option("--title", help="Of the picture that was learned.  [default: as the file is called]")
@click.option("--artist", help="Who made that picture.")
@click.option("--rights", help="Why that picture may be used; state it before you share the net.")
@click.option("--source", help="Where the weights are from, such as an address.")
@click.option("--summary", help="One line on the net.")
@click.option("--dtype", type=click.Choice(["float32", "float16"]), default="float32", help="Of the weights written.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="A .safetensors file.  [default: NAME.safetensors]"
)
@click.option("--force", is_flag=True, help="Overwrite the output if it exists, though never an input.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written as one JSON object.")
def command(
    file: Path,
    name: str | None,
    license: str | None,
    family: str | None,
    encoder: Path | None,
    title: str | None,
    artist: str | None,
    rights: str | None,
    source: str | None,
    summary: str | None,
    dtype: str,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Turn the weights in FILE into a .safetensors file with a record, which all commands take as a model.

    FILE is a .pth of PyTorch's fast_neural_style (johnson), a decoder of pytorch-AdaIN (adain, with --encoder), a net
    of many styles as Magenta's in ONNX (cin), or a weights file or run folder of this package, which is copied. No code
    in it is run. Prints the path of the file written.
    """
    if output is not None:
        check_output(output, force, file, encoder)

    import torch

    from stylezoo.importers import import_weights

    spec, net = import_weights(
        file,
        name=name,
        license=license,
        family=family,
        encoder=encoder,
        title=title,
        artist=artist,
        rights=rights,
        source=source,
        summary=summary,
    )
    if output is None:
        output = Path(spec.name.partition("/")[2] + ".safetensors")
        check_output(output, force, file, encoder)
    values = net.state_dict()
    if dtype == "float16" and (large := next((k for k, v in values.items() if v.half().isinf().any()), None)):
        raise OptionError(f"'{large}' in {file} has values beyond those of float16: leave --dtype out")
    net.save_weights(output, spec, getattr(torch, dtype))
    report(spec, output, sum(value.numel() for value in values.values()), dtype, as_json)


def report(spec: ModelSpec, output: Path, count: int, dtype: str, as_json: bool) -> None:
    """Print what was written: a net of `count` numbers."""
    from stylezoo._files import sha256_of
    from stylezoo.zoo.model_card import is_unstated

    size = output.stat().st_size
    if as_json:
        record: dict[str, Any] = {"file": str(output), "name": spec.name, "family": spec.family, "arch": spec.arch}
        record |= {"styles": list(spec.style_ids), "license": spec.license, "story": spec.story}
        put_json(record | {"parameters": count, "dtype": dtype, "bytes": size, "sha256": sha256_of(output)})
    else:
        click.echo(output)
    styles = {"single": "one style", "multi": f"{len(spec.styles)} styles", "arbitrary": "any style"}[spec.kind]
    say(f"{spec.name}: {styles}, {count:,} numbers in {dtype}, {size / 1e6:.1f} MB, licence {spec.license}")
    if any(is_unstated(style.rights) for style in spec.styles):
        say("the rights to what it has learned from are unstated: state them by --rights before you share the file")
    which = {"single": "", "multi": f" -s {next(iter(spec.style_ids), '')}", "arbitrary": " -s painting.jpg"}[spec.kind]
    say(f"try it: stylezoo stylize photo.jpg -m {output}{which} -o styled.jpg")


def check_output(output: Path, force: bool, *inputs: Path | None) -> None:
    """Raise OptionError where a file cannot be written, or would take the place of another."""
    if output.suffix != ".safetensors":
        raise OptionError(f"weights are written as .safetensors, not as '{output.name}': give another --output")
    if any(path is not None and path.exists() and output.exists() and output.samefile(path) for path in inputs):
        raise OptionError(f"'{output}' is an input: choose another --output")
    if output.is_dir() or (output.exists() and not force):
        raise OptionError(f"'{output}' exists: pass --force to overwrite a file, or choose another --output")

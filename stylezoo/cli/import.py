"""`stylezoo import`."""

# ruff: noqa: N999 - the module has the name of its command

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
@click.option("--name", help="Model name, FAMILY/NAME.  [default: from the record]")
@click.option("--license", help="License of the weights, as stated by their authors.  [default: from the record]")
@click.option(
    "--family",
    type=click.Choice(those(weightless=False)),
    help="Expected family; fail if the file is of another.  [default: detect]",
)
@click.option(
    "--encoder", type=click.Path(path_type=Path), help="The vgg_normalised.pth that goes with an AdaIN decoder."
)
@click.option("--title", help="Title of the style image.  [default: from the file name]")
@click.option("--artist", help="Artist of the style image.")
@click.option("--rights", help="Rights to the style image; state them before you share the model.")
@click.option("--source", help="Source of the weights, such as a URL.")
@click.option("--summary", help="One-line description of the model.")
@click.option(
    "--dtype", type=click.Choice(["float32", "float16"]), default="float32", help="Type of the written weights."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Output file.  [default: NAME.safetensors]")
@click.option("--force", is_flag=True, help="Overwrite the output, but never an input.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
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
    """Convert weights to a .safetensors file with a record, which every command takes as a model.

    FILE is a .pth of PyTorch's fast_neural_style (johnson), a decoder of pytorch-AdaIN (adain, with --encoder), a
    multi-style net in ONNX such as Magenta's (cin), or a weights file or run folder of stylezoo, which is copied. No
    code in it is run. Prints the path of the new file.
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
        raise OptionError(f"'{large}' in {file} has values beyond the range of float16: leave --dtype out")
    net.save_weights(output, spec, getattr(torch, dtype))
    report(spec, output, sum(value.numel() for value in values.values()), dtype, as_json)


def report(spec: ModelSpec, output: Path, count: int, dtype: str, as_json: bool) -> None:
    """Print what was written: a model with `count` parameters."""
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
    say(f"{spec.name}: {styles}, {count:,} parameters in {dtype}, {size / 1e6:.1f} MB, license {spec.license}")
    if any(is_unstated(style.rights) for style in spec.styles):
        say("the rights to the style image are not stated: state them with --rights before you share the file")
    which = {"single": "", "multi": f" -s {next(iter(spec.style_ids), '')}", "arbitrary": " -s style.jpg"}[spec.kind]
    say(f"try it: stylezoo stylize photo.jpg -m {output}{which} -o stylized.jpg")


def check_output(output: Path, force: bool, *inputs: Path | None) -> None:
    """Raise OptionError if the output has the wrong suffix, is an input, or exists."""
    if output.suffix != ".safetensors":
        raise OptionError(f"--output '{output.name}' must end in .safetensors")
    if any(path is not None and path.exists() and output.exists() and output.samefile(path) for path in inputs):
        raise OptionError(f"'{output}' is an input and is never overwritten: choose another --output")
    if output.is_dir() or (output.exists() and not force):
        raise OptionError(f"'{output}' exists: pass --force to overwrite a file, or choose another --output")

"""`stylezoo export`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from stylezoo.cli.console import put_json, say
from stylezoo.cli.jobs import pictures_in
from stylezoo.cli.options import model_names, parse_style
from stylezoo.errors import OptionError


@click.command("export")
@click.argument("name", metavar="NAME", shell_complete=model_names)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Output file, .onnx or .pt2.")
@click.option("-f", "--format", default="onnx", type=click.Choice(["onnx", "torch"]), help="Format to write.")
@click.option(
    "--precision",
    default="fp32",
    type=click.Choice(["fp32", "fp16", "int8"]),
    help="ONNX only: fp16 and int8 files are smaller; results differ slightly.",
)
@click.option(
    "--pixels",
    default="float",
    type=click.Choice(["float", "uint8"]),
    help="Input and output type: float NxCxHxW in 0 to 1, or uint8 NxHxWxC.",
)
@click.option(
    "-s", "--style", metavar="STYLE", help="The one style of the file: a name, a mix or a picture, as for stylize."
)
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Photos to calibrate int8 and to compare on.  [default: scikit-image's, if installed]",
)
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    name: str, output: Path, style: str | None, photos: Path | None, force: bool, as_json: bool, **choices: Any
) -> None:
    """Export the model NAME to ONNX, or to a torch.export program that runs without this package.

    The file takes batches of any size and pictures of any size. With --style, or if the model has just one, the picture
    is its only input. Otherwise multi-style models also take a style as input, and arbitrary-style models get a second
    file, the encoder, which computes this input from a style image. Before the file is kept, its results are compared
    with the model at three sizes.
    """
    for path in (output, output.with_name(f"{output.stem}-encoder{output.suffix}")):
        if path.is_dir() or (path.exists() and not force):
            raise OptionError(f"'{path}' exists: pass --force to overwrite a file, or choose another --output")

    from stylezoo.export import export
    from stylezoo.stylizer.loading import load

    stylizer = load(name, device="cpu", backend="torch")
    samples = pictures_in(photos) if photos else _samples()
    made = export(stylizer, output, style=parse_style(style), photos=samples, **choices)
    if as_json:
        facts = {"model": stylizer.spec.name, "transform": str(made.transform), "bytes": made.transform.stat().st_size}
        facts |= choices | {"style": style, "encoder": made.encoder and str(made.encoder)}
        put_json(facts | {"checks": [asdict(check) for check in made.checks]})
        return
    for file in filter(None, (made.transform, made.encoder)):
        say(f"{file}: {file.stat().st_size / 1e6:.2f} MB")
    for check in made.checks:
        say(
            f"{check.width}x{check.height} px: differs from the model by {check.mean:.3f}/255 on average, "
            f"{check.largest:.2f}/255 at most; {check.file_ms:.0f} ms, torch {check.net_ms:.0f} ms"
        )


def _samples() -> list[Path]:
    from stylezoo.data.images import sample_photos
    from stylezoo.errors import DataError

    try:
        return sample_photos()
    except DataError:  # int8 reports that it needs photos
        return []

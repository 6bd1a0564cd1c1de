"""`stylezoo export`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.console import put_json, say
from stylezoo.cli.jobs import pictures_in
from stylezoo.cli.options import model_names, parse_style
from stylezoo.errors import OptionError

if TYPE_CHECKING:
    from stylezoo.export import Check


@click.command("export")
@click.argument("name", metavar="NAME", shell_complete=model_names)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Output file: .onnx or .pt2; with --for .param, .tflite or .mlpackage.",
)
@click.option(
    "--for",
    "target",
    type=click.Choice(["ncnn", "tflite", "coreml"]),
    help="Write for phones instead: one style, weights in fp16 or int8, norm statistics in float32.",
)
@click.option(
    "--size",
    metavar="WxH",
    help="Of --for tflite and coreml, which have one size: width and height in px, such as 512x512.",
)
@click.option("-f", "--format", type=click.Choice(["onnx", "torch"]), help="Format to write.  [default: onnx]")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8"]),
    help="fp16 and int8 files are smaller; results differ slightly.  [default: fp32, with --for fp16]",
)
@click.option(
    "--pixels",
    type=click.Choice(["float", "uint8"]),
    help="Input and output type: float NxCxHxW in 0 to 1, or uint8 NxHxWxC.  [default: float]",
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
    name: str,
    output: Path,
    target: str | None,
    size: str | None,
    style: str | None,
    photos: Path | None,
    force: bool,
    as_json: bool,
    **choices: Any,
) -> None:
    """Export the model NAME to ONNX, to a torch.export program, or for phones; the files run without this package.

    ONNX files and programs take batches of any size and pictures of any size. With --style, or if the model has just
    one, the picture is the only input. Otherwise multi-style models also take a style as input, and arbitrary-style
    models get a second file, the encoder, which computes this input from a style image.

    --for ncnn writes .param and .bin for Android and small boards, --for tflite a LiteRT file, --for coreml a package
    for iOS 16 and macOS 13. They hold one style.

    Before a file is kept, it is run, and its results are compared with the model on three pictures.
    """
    given = {key: value for key, value in choices.items() if value is not None}
    if target is None and size:
        raise OptionError("--size goes with --for tflite and --for coreml: other files take pictures of any size")
    if target and (foreign := given.keys() - {"precision"}):
        raise OptionError(f"--{min(foreign)} does not go with --for {target}, which sets it")
    for path in _written(output, target):
        if (path.is_dir() and target != "coreml") or (path.exists() and not force):
            raise OptionError(f"'{path}' exists: pass --force to overwrite a file, or choose another --output")
    shape = _parse_size(size)
    samples = pictures_in(photos) if photos else _samples()

    from stylezoo import export as exporting
    from stylezoo.stylizer.loading import load

    stylizer = load(name, device="cpu", backend="torch")
    chosen = parse_style(style)
    facts: dict[str, Any] = {"model": stylizer.spec.name, "style": style}
    if target:
        found = exporting.export_for(stylizer, output, target, style=chosen, size=shape, photos=samples, **given)  # type: ignore[arg-type]
        facts |= {"target": target, "size": size, "precision": "fp16"} | given
        facts |= {"files": list(map(str, found.files)), "bytes": found.bytes}
        files, checks = {found.files[0]: found.bytes}, found.checks
    else:
        made = exporting.export(stylizer, output, style=chosen, photos=samples, **given)
        facts |= {"format": "onnx", "precision": "fp32", "pixels": "float"} | given
        facts |= {"transform": str(made.transform), "bytes": made.transform.stat().st_size}
        facts |= {"encoder": made.encoder and str(made.encoder)}
        files, checks = {f: f.stat().st_size for f in filter(None, (made.transform, made.encoder))}, made.checks
    if as_json:
        put_json(facts | {"checks": [asdict(check) for check in checks]})
        return
    _report(files, checks)


def _report(files: Mapping[Path, int], checks: Sequence[Check]) -> None:
    """Say how large the files are, and how they compare with the model."""
    for file, size in files.items():
        say(f"{file}: {size / 1e6:.2f} MB")
    for check in checks:
        say(
            f"{check.width}x{check.height} px: differs from the model by {check.mean:.3f}/255 on average, "
            f"{check.largest:.2f}/255 at most; {check.file_ms:.0f} ms, torch {check.net_ms:.0f} ms"
        )
    if not checks:
        say("not compared with the model: Core ML runs on macOS only; run the same command there")


def _written(output: Path, target: str | None) -> list[Path]:
    """Return the files that may be written."""
    if target:
        return [output, output.with_suffix(".bin")] if target == "ncnn" else [output]
    return [output, output.with_name(f"{output.stem}-encoder{output.suffix}")]


def _parse_size(text: str | None) -> tuple[int, int] | None:
    """Return height and width in px of a size such as 640x480."""
    if text is None:
        return None
    if not re.fullmatch("[1-9][0-9]{0,5}x[1-9][0-9]{0,5}", text):
        raise OptionError(f"--size must be width and height in px, such as 512x512, not '{text}'")
    width, height = map(int, text.split("x"))
    return height, width


def _samples() -> list[Path]:
    from stylezoo.data.images import sample_photos
    from stylezoo.errors import DataError

    try:
        return sample_photos()
    except DataError:  # int8 reports that it needs photos
        return []

"""`stylezoo mesh`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.console import put_json, say_wrote
from stylezoo.cli.options import (
    files_of,
    parse_style,
    read_options,
    shared_options,
    stylize_options,
    warn_without_picture,
)
from stylezoo.errors import OptionError

if TYPE_CHECKING:
    from stylezoo.stylizer.engine import Backend


@click.command("mesh")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="OUT", help="Model to write.")
@shared_options("model", "style", "card")
@stylize_options("strength", "stroke", "palette", "preserve_color", "style_size")
@shared_options("quality", help="Quality of JPEG and WebP textures.")
@shared_options("device", "backend")
@click.option("--force", is_flag=True, help="Overwrite existing files, but never an input.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about the model.")
def command(
    source: Path,
    output: Path,
    model: str,
    style: str | None,
    cards: tuple[Path, ...],
    quality: int,
    device: str,
    backend: Backend,
    force: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Stylize the textures of a 3D model.

    IN is a .glb, .gltf or .obj file, and OUT a file of the same kind. Only base-colour images change; those of .gltf
    and .obj are written next to OUT.

    \b
    stylezoo mesh model.glb -m cin/16 -s starry_night -o stylized.glb
    stylezoo mesh chair.obj -m any -s painting.jpg --strength 0.7 -o stylized.obj
    """
    wanted = parse_style(style)
    options = read_options(asked)
    if output.exists() and any(output.samefile(file) for file in [*cards, *files_of(wanted)]):
        raise OptionError(f"'{output}' is an input and is never overwritten: choose another --output")

    from stylezoo.mesh.stylize import OPTIONS, stylize_mesh
    from stylezoo.stylizer.loading import load

    stylizer = load(model, device=device, backend=backend)
    for card in cards:
        stylizer.add_card(card)
    warn_without_picture(stylizer.spec, [wanted])
    chosen = {name: getattr(options, name) for name in OPTIONS}
    facts = stylize_mesh(
        source,
        output,
        stylizer,
        stylizer.styles[-1] if wanted is None and len(cards) == 1 else wanted,
        quality=quality,
        overwrite=force,
        progress=sys.stderr.isatty(),
        **chosen,
    )
    if as_json:
        put_json({"input": str(source)} | dataclasses.asdict(facts) | {"style": wanted} | chosen)
    say_wrote(f"{output} with {len(facts.textures)} textures", facts.seconds)

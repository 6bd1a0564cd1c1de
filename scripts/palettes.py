"""Write the colours of style images into zoo.yaml and the headers of bundled weights.

    STYLEZOO_DATA=data python scripts/palettes.py recipes/cin16_large.yaml

The images are those of a recipe, at its sizes and crops. Nets of several styles bring results to these colours, see
`StylizeOptions.palette`. The weights themselves stay as they are, their hashes change: figures in results/ have to be
measured again.
"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from safetensors import safe_open
from safetensors.numpy import save_file

from stylezoo._files import replacing, sha256_of
from stylezoo.errors import StyleZooError
from stylezoo.evaluate.verify import make_fingerprint
from stylezoo.train.inputs import with_palettes
from stylezoo.train.recipe import load_recipe
from stylezoo.zoo.fingerprints import FILE as FINGERPRINTS
from stylezoo.zoo.fingerprints import write_fingerprints
from stylezoo.zoo.layout import read_zoo
from stylezoo.zoo.spec import HEADER_KEY, ModelSpec, Palette, StyleSpec, header_record
from stylezoo.zoo.writing import write_zoo

ROOT = Path(__file__).resolve().parents[1]
replace = msgspec.structs.replace


@click.command()
@click.argument("recipe", type=click.Path(exists=True, path_type=Path))
@click.option("--zoo", "zoo_file", default=ROOT / "zoo.yaml", type=click.Path(path_type=Path))
@click.option("--bundled", default=ROOT / "stylezoo" / "bundled", type=click.Path(path_type=Path))
def main(recipe: Path, zoo_file: Path, bundled: Path) -> None:
    """Write the colours of the style images of RECIPE."""
    zoo = read_zoo(zoo_file)
    try:
        plan = load_recipe(recipe)
        measured = with_palettes(replace(plan, styles=tuple(replace(style, palette=None) for style in plan.styles)))
    except StyleZooError as cause:
        raise click.ClickException(str(cause)) from cause
    if missing := [style.id for style in measured.styles if style.palette is None]:
        raise click.ClickException(
            f"no style image of {', '.join(missing)}: set STYLEZOO_DATA to a folder with presets/"
        )
    palettes = {style.id: rounded(style.palette) for style in measured.styles if style.palette}
    artworks = {id: coloured(style, palettes) for id, style in zoo.artworks.items()}
    models = {}
    for name, spec in zoo.models.items():
        after = replace(spec, styles=tuple(coloured(style, palettes) for style in spec.styles))
        models[name] = spec if after == spec else written(after, bundled)
    changed = [name for name in models if models[name] != zoo.models[name]]
    made = {n: make_fingerprint(m, bundled / m.weights.file) for n in changed if (m := models[n]).weights is not None}
    write_fingerprints(made, zoo_file.with_name(FINGERPRINTS))
    write_zoo(replace(zoo, artworks=artworks, models=models), zoo_file)
    click.echo(f"{len(palettes)} styles; new records of {', '.join(changed) or 'no model'}")


def rounded(palette: Palette) -> Palette:
    """Return a palette with five digits, which is much less than a step of 8 bits."""
    return msgspec.convert([round(value, 5) for value in palette], Palette)


def coloured(style: StyleSpec, palettes: dict[str, Palette]) -> StyleSpec:
    """Return a style with its palette, if that is among `palettes`."""
    return replace(style, palette=palettes.get(style.id, style.palette))


def written(spec: ModelSpec, bundled: Path) -> ModelSpec:
    """Write a record into the header of the model's bundled weights, and return it with their new hash."""
    weights = spec.weights
    if weights is None or not weights.bundled:
        return spec
    path = bundled / weights.file
    with safe_open(path, framework="numpy") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
    with replacing(path) as temporary:
        save_file(tensors, temporary, {HEADER_KEY: header_record(spec)})
    return replace(spec, weights=replace(weights, sha256=sha256_of(path), bytes=path.stat().st_size))


if __name__ == "__main__":
    main()

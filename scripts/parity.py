"""Train single-style nets that compare with a multi-style one: the same trunk, loss, crops and passes per style.

    python scripts/parity.py recipes/cin16.yaml --style starry_night --style udnie --out runs/parity
    stylezoo eval runs/parity/starry_night

A pass is one picture seen in that style. The multi-style net takes its styles, and the photo, in turn, so each of
them has steps * batch / (styles + 1) passes.
"""

from __future__ import annotations

from pathlib import Path

import click
from msgspec import structs

from stylezoo.recipe import Model
from stylezoo.train.recipe import load_recipe
from stylezoo.train.trainer import train


@click.command()
@click.argument("source", metavar="RECIPE")
@click.option("--style", "styles", multiple=True, required=True, help="Id of a style of the recipe.")
@click.option("--out", default="runs/parity", type=click.Path(path_type=Path))
def main(source: str, styles: tuple[str, ...], out: Path) -> None:
    recipe = load_recipe(source)
    steps = round(recipe.run.steps / (len(recipe.styles) + 1))
    for style in recipe.styles:
        if style.id in styles:
            single = structs.replace(
                recipe,
                name=f"johnson/{style.id}",
                model=Model(family="johnson", args=recipe.model.args),
                styles=(style,),
                run=structs.replace(recipe.run, steps=steps),
            )
            click.echo(train(single, out / style.id))


if __name__ == "__main__":
    main()

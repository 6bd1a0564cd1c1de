"""Take a trained run into the zoo: its weights as float16 into stylezoo/bundled/, its record into zoo.yaml.

    python scripts/bundle.py runs/johnson/mosaic --recipe recipes/johnson_mosaic.yaml
    python scripts/bundle.py runs/early runs/late --recipe recipes/ghiasi_lite.yaml

Of several runs, which must have gone through the same weights, the mean is taken (Izmailov et al. 2018,
arXiv:1803.05407). Figures in results/ are of the former weights and do not count for the new ones: measure
them with `stylezoo eval NAME --write`.
"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
import torch

from stylezoo.loading import load
from stylezoo.release import finish
from stylezoo.train.recipe import load_recipe
from stylezoo.zoo.spec import read_zoo, write_zoo

ROOT = Path(__file__).resolve().parents[1]


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--recipe", required=True, help="The recipe's path in this repository.")
@click.option("--provenance", help="How the weights were made, where it was not one run of the recipe.")
@click.option("--zoo", "zoo_file", default=ROOT / "zoo.yaml", type=click.Path(path_type=Path))
@click.option("--bundled", default=ROOT / "stylezoo" / "bundled", type=click.Path(path_type=Path))
def main(runs: tuple[Path, ...], recipe: str, provenance: str | None, zoo_file: Path, bundled: Path) -> None:
    stylizer, *others = (load(run, device="cpu") for run in runs)
    if any((other.spec.arch, other.styles) != (stylizer.spec.arch, stylizer.styles) for other in others):
        raise click.UsageError(f"{', '.join(map(str, runs))} are of different nets: name runs of one")
    states = [each.net.state_dict() for each in (stylizer, *others)]
    stylizer.net.load_weights({name: torch.stack([s[name] for s in states]).mean(dim=0) for name in states[0]})
    # Words are taken from the recipe as it stands; what the weights depend on, from the run.
    spec = msgspec.structs.replace(load_recipe(ROOT / recipe).record(stylizer.spec.arch), recipe=recipe)
    spec = msgspec.structs.replace(spec, provenance=provenance)
    if (spec.name, spec.style_ids) != (stylizer.spec.name, stylizer.styles):
        raise click.UsageError(f"{recipe} is of {spec.name}, and {runs[0]} holds {stylizer.spec.name}")
    spec = finish(stylizer.net, spec, bundled)
    weights = spec.weights
    assert weights is not None
    zoo = read_zoo(zoo_file)
    # A style's name is a good alias, a count of styles is none; an alias that people use stays where it is.
    short = {spec.name.partition("/")[2]: spec.name} if spec.kind == "single" else {}
    aliases = short | zoo.aliases
    write_zoo(msgspec.structs.replace(zoo, aliases=aliases, models=zoo.models | {spec.name: spec}), zoo_file)
    click.echo(f"{spec.name}: {weights.bytes / 2**20:.2f} MiB, sha256 {weights.sha256}")


if __name__ == "__main__":
    main()

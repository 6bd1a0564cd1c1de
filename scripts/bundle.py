"""Take a trained run into the zoo: weights as float16 into stylezoo/bundled/, record and fingerprint next to zoo.yaml.

    python scripts/bundle.py runs/johnson/mosaic --recipe recipes/johnson_mosaic.yaml
    python scripts/bundle.py runs/early runs/late --recipe recipes/ghiasi_lite.yaml --story "The mean of two runs: ..."

The record says that one run of the recipe made the weights. Whatever else did needs a --story; so does the mean of
several runs that have gone through the same weights (Izmailov et al. 2018, arXiv:1803.05407). Figures in results/ are
of the former weights and do not count for the new ones: measure them with `stylezoo eval NAME --write`.
"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
import torch

from stylezoo.publish.release import finish
from stylezoo.recipe import Recipe
from stylezoo.stylizer.loading import load
from stylezoo.train.recipe import from_yaml, load_recipe
from stylezoo.train.run_folder import RECIPE
from stylezoo.train.same_run import same_run
from stylezoo.zoo.fingerprints import FILE as FINGERPRINTS
from stylezoo.zoo.fingerprints import write_fingerprints
from stylezoo.zoo.layout import read_zoo
from stylezoo.zoo.writing import write_zoo

ROOT = Path(__file__).resolve().parents[1]


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--recipe", required=True, help="The recipe's path in this repository.")
@click.option("--story", help="How the weights were made, where it was not one run of the recipe.")
@click.option("--zoo", "zoo_file", default=ROOT / "zoo.yaml", type=click.Path(path_type=Path))
@click.option("--bundled", default=ROOT / "stylezoo" / "bundled", type=click.Path(path_type=Path))
def main(runs: tuple[Path, ...], recipe: str, story: str | None, zoo_file: Path, bundled: Path) -> None:
    stylizer, *others = (load(run, device="cpu") for run in runs)
    if any((other.spec.arch, other.styles) != (stylizer.spec.arch, stylizer.styles) for other in others):
        raise click.UsageError(f"{', '.join(map(str, runs))} are of different nets: name runs of one")
    states = [each.net.state_dict() for each in (stylizer, *others)]
    stylizer.net.load_weights({name: torch.stack([s[name] for s in states]).mean(dim=0) for name in states[0]})
    plan = load_recipe(ROOT / recipe)
    if story is None:
        check_run(runs, plan, recipe)
    # Words are taken from the recipe as it stands; what the weights depend on, from the run.
    spec = msgspec.structs.replace(
        plan.record(stylizer.spec.arch), recipe=recipe, provenance="handmade" if story else "recipe", story=story
    )
    if (spec.name, spec.style_ids) != (stylizer.spec.name, stylizer.styles):
        raise click.UsageError(f"{recipe} is of {spec.name}, and {runs[0]} holds {stylizer.spec.name}")
    spec, fingerprint = finish(stylizer.net, spec, bundled)
    weights = spec.weights
    assert weights is not None
    zoo = read_zoo(zoo_file)
    # A style's name is a good alias, a count of styles is none; an alias that people use stays where it is.
    short = {spec.name.partition("/")[2]: spec.name} if spec.kind == "single" else {}
    aliases = short | zoo.aliases
    write_fingerprints({spec.name: fingerprint}, zoo_file.with_name(FINGERPRINTS))
    write_zoo(msgspec.structs.replace(zoo, aliases=aliases, models=zoo.models | {spec.name: spec}), zoo_file)
    click.echo(f"{spec.name}: {weights.bytes / 2**20:.2f} MiB, sha256 {weights.sha256}")


def check_run(runs: tuple[Path, ...], plan: Recipe, recipe: str) -> None:
    """Raise UsageError unless the weights are those of one run of the recipe."""
    if len(runs) > 1:
        raise click.UsageError("the mean of several runs is not one run of the recipe: give --story")
    if changed := same_run(from_yaml(runs[0] / RECIPE), plan):
        raise click.UsageError(f"{runs[0]} differs from {recipe} in {', '.join(changed)}: give --story")


if __name__ == "__main__":
    main()

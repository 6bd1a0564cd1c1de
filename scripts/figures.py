"""Write the tables of the README and of docs/nets.md that show figures of results/.

    python scripts/figures.py           # write them
    python scripts/figures.py --check   # fail if one is not what results/ give

They stand between <!-- figures: NAME --> and <!-- end -->; what is changed there by hand is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean

import click

from stylezoo._files import replacing
from stylezoo.runtime.steady import STEADY
from stylezoo.zoo.card_figures import index_columns, overall_figures
from stylezoo.zoo.layout import read_zoo
from stylezoo.zoo.markdown import code, table
from stylezoo.zoo.results import Figure, Results, read_results
from stylezoo.zoo.spec import ModelSpec, Zoo

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/nets.md")
KINDS = {"multi": "{}", "single": "one", "arbitrary": "any picture"}
"""How many styles models of each kind have, in the order of the table."""
MOTIONS = ("pan", "drift", "zoom", "rotation", "parallax")


ON_CARDS = ("F", "G", "W", "checker", "clipped")
"""Metrics that cards show and this table does not: a table of all would be too wide to read."""


def quality(zoo: Zoo, results: Mapping[str, Results]) -> str:
    """Return the table of all models that were measured: those of several styles, of one, of any."""
    order = list(KINDS)
    kept = {key: file for key, file in results.items() if key not in ON_CARDS}
    specs = [spec for spec in zoo.models.values() if any(overall_figures(spec, file) for file in kept.values())]
    specs.sort(key=lambda spec: (order.index(spec.kind), spec.name))
    titles, cells, _ = index_columns(specs, kept)
    rows = []
    for spec, figures in zip(specs, cells, strict=True):
        size = f"{spec.weights.bytes / 1e6:.1f} MB" if spec.weights else "–"
        rows.append([code(spec.name), KINDS[spec.kind].format(len(spec.styles)), size, *figures])
    return table(("model", "styles", "file", *titles), rows)


def steadiness(zoo: Zoo, results: Mapping[str, Results]) -> str:
    """Return the table of warp errors of the models of which all styles have one; means over the styles."""
    rows = []
    for spec in sorted(zoo.models.values(), key=lambda spec: spec.name):
        if figures := warp_errors(spec, results):
            mean = fmean(figure.mean for figure in figures)
            by_motion = (f"{fmean(figure.facts[motion] for figure in figures):.4f}" for motion in MOTIONS)
            rows.append([code(spec.name), f"{mean:.5f}", f"{mean**0.5:.3f}", *by_motion])
    return table(("model", "warp error", "root", *MOTIONS), rows)


def warp_errors(spec: ModelSpec, results: Mapping[str, Results]) -> list[Figure]:
    """Return the warp error of each style at the default steadiness, or none where a style has none."""
    found = results["W"].of(spec) if "W" in results else []
    figures = {figure.style: figure for figure, run in found if run.facts["steady"] == STEADY}
    return list(figures.values()) if set(figures) == set(spec.style_ids) else []


TABLES: dict[str, Callable[[Zoo, Mapping[str, Results]], str]] = {"quality": quality, "steadiness": steadiness}


def with_tables(text: str, zoo: Zoo, results: Mapping[str, Results]) -> str:
    """Return a page with its tables as the registry and the results give them."""
    place = re.compile(r"(?<=<!-- figures: )(\w+) -->\n.*?\n(?=<!-- end -->)", re.DOTALL)
    return place.sub(lambda found: f"{found[1]} -->\n\n{TABLES[found[1]](zoo, results)}\n\n", text)


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if a table is out of date.")
@click.option("--root", default=ROOT, type=click.Path(path_type=Path), help="The folder of README.md and docs.")
def main(check: bool, root: Path) -> None:
    """Write the tables."""
    zoo, results = read_zoo(ROOT / "zoo.yaml"), read_results(ROOT / "results")
    for page in PAGES:
        path = root / page
        before = path.read_text(encoding="utf-8")
        after = with_tables(before, zoo, results)
        if check and after != before:
            raise click.ClickException(f"{page} is not what results/ give: run python scripts/figures.py")
        if not check:
            with replacing(path) as temporary:
                temporary.write_text(after, encoding="utf-8")
            click.echo(path)


if __name__ == "__main__":
    main()

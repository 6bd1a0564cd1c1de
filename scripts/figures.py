"""Write the tables of the README and of docs/nets.md that show figures of zoo.yaml.

    python scripts/figures.py           # write them
    python scripts/figures.py --check   # fail if one is not what zoo.yaml gives

They stand between <!-- figures: NAME --> and <!-- end -->; what is changed there by hand is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import click

from stylezoo.files import replacing
from stylezoo.pipeline.steady import STEADY
from stylezoo.zoo.card_figures import index_columns
from stylezoo.zoo.markdown import code, table
from stylezoo.zoo.spec import ModelSpec, Zoo, read_zoo

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "docs/nets.md")
KINDS = {"multi": "{}", "single": "one", "arbitrary": "any picture"}
"""How many styles models of each kind have, in the order of the table."""
MOTIONS = ("pan", "drift", "zoom", "rotation", "parallax")


def errors(zoo: Zoo) -> str:
    """Return the table of all models whose C and S are known: those of several styles, of one, of any."""
    order = list(KINDS)
    specs = [spec for spec in zoo.models.values() if spec.overall_metrics]
    specs.sort(key=lambda spec: (order.index(spec.kind), spec.name))
    titles, cells, _ = index_columns(specs)
    rows = []
    for spec, figures in zip(specs, cells, strict=True):
        assert spec.weights is not None
        size = f"{spec.weights.bytes / 1e6:.1f} MB"
        rows.append([code(spec.name), KINDS[spec.kind].format(len(spec.styles)), size, *figures[:2]])
    return table(("model", "styles", "file", *titles[:2]), rows)


def steadiness(zoo: Zoo) -> str:
    """Return the table of warp errors of the models of which all styles have one; means over the styles."""
    rows = []
    for spec in sorted(zoo.models.values(), key=lambda spec: spec.name):
        figures = warp_errors(spec)
        if figures:
            mean = fmean(error["all"] for error in figures)
            by_motion = (f"{fmean(error[motion] for error in figures):.4f}" for motion in MOTIONS)
            rows.append([code(spec.name), f"{mean:.5f}", f"{mean**0.5:.3f}", *by_motion])
    return table(("model", "warp error", "root", *MOTIONS), rows)


def warp_errors(spec: ModelSpec) -> list[dict[str, float]]:
    """Return a style's warp error at the default steadiness, "all" and by motion, for each style; or for none."""
    metrics = spec.overall_metrics
    found = [w.kinds | {"all": w.mean} for m in metrics for w in m.warp if w.steady == STEADY]
    return found if len(found) == len(metrics) else []


TABLES: dict[str, Callable[[Zoo], str]] = {"errors": errors, "steadiness": steadiness}


def with_tables(text: str, zoo: Zoo) -> str:
    """Return a page with its tables as `zoo` gives them."""
    place = re.compile(r"(?<=<!-- figures: )(\w+) -->\n.*?\n(?=<!-- end -->)", re.DOTALL)
    return place.sub(lambda found: f"{found[1]} -->\n\n{TABLES[found[1]](zoo)}\n\n", text)


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail if a table is out of date.")
@click.option("--root", default=ROOT, type=click.Path(path_type=Path), help="The folder of README.md and docs.")
def main(check: bool, root: Path) -> None:
    """Write the tables."""
    zoo = read_zoo(ROOT / "zoo.yaml")
    for page in PAGES:
        path = root / page
        before = path.read_text(encoding="utf-8")
        after = with_tables(before, zoo)
        if check and after != before:
            raise click.ClickException(f"{page} is not what zoo.yaml gives: run python scripts/figures.py")
        if not check:
            with replacing(path) as temporary:
                temporary.write_text(after, encoding="utf-8")
            click.echo(path)


if __name__ == "__main__":
    main()

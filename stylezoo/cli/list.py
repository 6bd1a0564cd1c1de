"""`stylezoo list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.console import one_line, put_json, put_table, say
from stylezoo.errors import did_you_mean

if TYPE_CHECKING:
    from stylezoo.zoo.spec import ModelSpec

TITLES = ("NAME", "STYLES", "SIZE", "LICENSE", "SUMMARY")
RIGHT = {"STYLES", "SIZE"}


@click.command("list")
@click.argument("pattern", default="*")
@click.option("--family", metavar="NAME", help="Only models of this family, such as johnson or cin.")
@click.option("--kind", type=click.Choice(["single", "multi", "arbitrary"]), help="Only models of this kind.")
@click.option("--repo", metavar="OWNER/ZOO", help="Repository on the Hub to list instead of the bundled zoo.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_context
def command(
    ctx: click.Context, pattern: str, family: str | None, kind: str | None, repo: str | None, as_json: bool
) -> None:
    """List the models whose name matches PATTERN, such as 'johnson/*'.

    With --repo, only the registry of the repository is downloaded. stylezoo info NAME says more about a model, stylezoo
    styles shows the styles.
    """
    from stylezoo.zoo.catalog import list_models, model_info, read_repository
    from stylezoo.zoo.hub import Repository, parse_repo

    zoo = read_repository(Repository(parse_repo(repo))) if repo else None
    names = list_models(pattern, family=family, kind=kind, zoo=zoo)
    if not names:
        wanted = [f"'{pattern}'", family and f"--family {family}", kind and f"--kind {kind}"]
        say(f"no model matches {' '.join(filter(None, wanted))}.{did_you_mean(pattern, list_models(zoo=zoo))}")
        ctx.exit(1)
    facts = [summary(model_info(name) if zoo is None else zoo.models[name]) for name in names]
    if as_json:
        for fact in facts:
            put_json(fact)
        return
    put_table(TITLES, map(cells, facts), right=RIGHT)


def summary(spec: ModelSpec) -> dict[str, Any]:
    """Return the facts that the list shows: `bytes` is None without weights, `needs` names the extras to install."""
    from stylezoo.zoo.families import FAMILIES

    return {
        "name": spec.name,
        "family": spec.family,
        "kind": spec.kind,
        "styles": list(spec.style_ids),
        "bytes": spec.weights.bytes if spec.weights else None,
        "provenance": spec.provenance,
        "needs": [] if FAMILIES[spec.family].layout else ["train"],
        "license": spec.license,
        "summary": spec.summary,
    }


def cells(fact: dict[str, Any]) -> tuple[str, ...]:
    """Return a summary as a table row, in the order of TITLES."""
    styles = "any" if fact["kind"] == "arbitrary" else str(len(fact["styles"]))
    size = "-" if fact["bytes"] is None else f"{fact['bytes'] / 1e6:.1f} MB"
    needs = "".join(f"needs [{extra}]: " for extra in fact["needs"])  # first, as a terminal cuts the end
    return fact["name"], styles, size, one_line(fact["license"]), needs + one_line(fact["summary"] or "")

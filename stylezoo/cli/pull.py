"""`stylezoo pull`."""

from __future__ import annotations

from pathlib import Path

import click

from stylezoo.cli.console import example, put_json, say


@click.command("pull")
@click.argument("repo", metavar="OWNER/ZOO")
@click.argument("pattern", default="*")
@click.option("--revision", metavar="REV", help="Branch, tag or commit.  [default: main]")
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), help="Download into a local zoo in this folder."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per model.")
def command(repo: str, pattern: str, revision: str | None, to: Path | None, as_json: bool) -> None:
    """Download the models of a repository that match PATTERN, and check their hashes.

    Without --to they go into the Hub's cache; hf:OWNER/ZOO/FAMILY/STYLE then loads them offline too. Prints the path of
    each weights file.
    """
    from stylezoo.errors import OptionError
    from stylezoo.zoo.catalog import REGISTRY, OpenZoo, open_folder, read_repository
    from stylezoo.zoo.hub import Repository, parse_repo
    from stylezoo.zoo.store import locate
    from stylezoo.zoo.sync import compare, take

    repository = Repository(parse_repo(repo, revision))
    specs = [spec for spec in OpenZoo(read_repository(repository)).find(pattern) if spec.weights]
    if to is not None and (to / REGISTRY).exists():
        own = {d.name for d in compare(open_folder(to), repository) if d.state == "differs"}
        if lost := [spec.name for spec in specs if spec.name in own]:
            how = f"to replace them, run stylezoo sync {repository} --zoo {to} --pull --theirs"
            raise OptionError(f"{to} has local changes in {', '.join(lost)}: {how}")
    for spec in specs:
        path = locate(spec) if to is None else take([spec], to)[0]
        if as_json:
            assert spec.weights is not None and spec.weights.hub is not None  # true for every repository
            weights = {"sha256": spec.weights.sha256, "commit": spec.weights.hub.revision}
            put_json({"name": spec.name, "path": str(path), **weights})
        else:
            click.echo(path)
    if specs and to is None:
        say(f"try it: {example(f'hf:{repository}/{specs[0].name}', specs[0])}")

"""`stylezoo verify`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stylezoo.cli.console import Failure, one_line, put_json
from stylezoo.cli.options import model_names

if TYPE_CHECKING:
    from stylezoo.zoo.fingerprints import Fingerprint
    from stylezoo.zoo.spec import ModelSpec


@click.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=model_names)
@click.option("--zoo", "folder", type=click.Path(path_type=Path), help="A zoo's folder, in place of the package's own.")
@click.option("--repo", metavar="OWNER/ZOO", help="A repository of the Hub, in place of the package's own zoo.")
@click.option("--write", is_flag=True, help="Record first what the nets make of the pattern, as their fingerprints.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def command(names: tuple[str, ...], folder: Path | None, repo: str | None, write: bool, as_json: bool) -> None:
    """Check the weights of the models NAME (all by default) against what the registry states.

    That is each file's size and hash, the record in its header, what the net makes of a pattern, against
    fingerprints.json next to the registry, and that the rights are stated. NAME may be a run folder or a weights file
    too. Prints one line for each thing checked, and exits with 2 if one of them fails.
    """
    from stylezoo.errors import OptionError
    from stylezoo.evaluate.verify import verify_model
    from stylezoo.zoo.catalog import OpenZoo, list_models, open_folder, read_repository
    from stylezoo.zoo.fingerprints import FILE, find_fingerprints, own_file, write_fingerprints
    from stylezoo.zoo.hub import Repository, parse_repo
    from stylezoo.zoo.store import find

    if folder is not None and repo is not None:
        raise OptionError("--zoo is a folder, --repo a repository: give one or the other")
    if write and repo is not None:
        raise OptionError("--write records fingerprints next to a registry on this machine: leave --repo out")
    models: list[tuple[ModelSpec, Path | None]]
    if repo is not None:
        opened = OpenZoo(read_repository(Repository(parse_repo(repo))))
    elif folder is not None:
        opened = open_folder(folder)
    if folder is None and repo is None:
        models = [find(name) for name in names or list_models()]  # a misspelt name stops before the first check
    else:
        chosen = [name for pattern in names or ("*",) for name in opened.find(pattern)]
        folder = opened.folder
        models = [(spec, folder / spec.weights.file if folder and spec.weights else None) for spec in chosen]
    specs = [spec for spec, _ in models]
    if write:
        write_fingerprints(_new_fingerprints(models), own_file() if folder is None else folder / FILE)
    failed = 0
    for (spec, path), recorded in zip(models, find_fingerprints(specs, folder), strict=True):
        for finding in verify_model(spec, path, recorded):
            failed += not finding.ok
            if as_json:
                put_json({"model": finding.name, "ok": finding.ok, "what": finding.what})
            else:
                click.echo(f"{'ok' if finding.ok else 'FAIL':4}  {finding.name}  {one_line(finding.what)}")
    if failed:
        raise Failure(f"{failed} {'check' if failed == 1 else 'checks'} failed")


def _new_fingerprints(models: Sequence[tuple[ModelSpec, Path | None]]) -> dict[str, Fingerprint]:
    """Return the fingerprints of models of a registry; raise OptionError for a run, a lone file or one of the Hub."""
    from stylezoo.errors import OptionError
    from stylezoo.evaluate.verify import make_fingerprint

    for spec, _ in models:
        if not spec.weightless and (spec.weights is None or (spec.weights.hub and spec.weights.hub.revision)):
            raise OptionError(f"--write records fingerprints of models of a registry here, and {spec.name} is of none")
    return {spec.name: make_fingerprint(spec, path) for spec, path in models}

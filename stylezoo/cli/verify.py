"""`stylezoo verify`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import chain
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
@click.option("--zoo", "folder", type=click.Path(path_type=Path), help="Folder of a zoo.  [default: the bundled zoo]")
@click.option("--repo", metavar="OWNER/ZOO", help="Repository on the Hub to use instead of the bundled zoo.")
@click.option("--write", is_flag=True, help="First record the fingerprints of the models.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def command(names: tuple[str, ...], folder: Path | None, repo: str | None, write: bool, as_json: bool) -> None:
    """Check model weights against the registry.

    NAME is a model, run folder or weights file; by default all models are checked, and the other files that the
    registry states. The checks are: size and hash of the file, the record in its header, stated rights, and the
    fingerprint: the net's output for a test pattern, compared with fingerprints.json next to the registry. Prints one
    line per check, and exits with 2 if one fails.
    """
    from stylezoo.errors import OptionError
    from stylezoo.evaluate.verify import verify_files, verify_model
    from stylezoo.zoo.catalog import OpenZoo, default_zoo, list_models, open_folder, read_repository
    from stylezoo.zoo.fingerprints import FILE, find_fingerprints, own_file, write_fingerprints
    from stylezoo.zoo.hub import Repository, parse_repo
    from stylezoo.zoo.store import BUNDLED, find

    if folder is not None and repo is not None:
        raise OptionError("--zoo and --repo exclude each other: leave one out")
    if write and repo is not None:
        raise OptionError("--write records fingerprints in a local zoo: leave --repo out")
    models: list[tuple[ModelSpec, Path | None]]
    if repo is not None:
        opened = OpenZoo(read_repository(Repository(parse_repo(repo))))
    elif folder is not None:
        opened = open_folder(folder)
    else:
        opened = OpenZoo(default_zoo(), BUNDLED)
    if folder is None and repo is None:
        models = [find(name) for name in names or list_models()]  # fail on a misspelt name before the first check
    else:
        chosen = [name for pattern in names or ("*",) for name in opened.find(pattern)]
        folder = opened.folder
        models = [(spec, folder / spec.weights.file if folder and spec.weights else None) for spec in chosen]
    specs = [spec for spec, _ in models]
    if write:
        write_fingerprints(_new_fingerprints(models), own_file() if folder is None else folder / FILE)
    checks = [
        partial(verify_model, spec, path, recorded)
        for (spec, path), recorded in zip(models, find_fingerprints(specs, folder), strict=True)
    ]
    if opened.folder and not names:
        checks.append(partial(verify_files, opened.zoo, opened.folder))
    failed = 0
    for finding in chain.from_iterable(check() for check in checks):
        failed += not finding.ok
        if as_json:
            put_json({"model": finding.name, "ok": finding.ok, "what": finding.what})
        else:
            click.echo(f"{'ok' if finding.ok else 'FAIL':4}  {finding.name}  {one_line(finding.what)}")
    if failed:
        raise Failure(f"{failed} {'check' if failed == 1 else 'checks'} failed")


def _new_fingerprints(models: Sequence[tuple[ModelSpec, Path | None]]) -> dict[str, Fingerprint]:
    """Return the fingerprints of models of a local registry; raise OptionError for any other model."""
    from stylezoo.errors import OptionError
    from stylezoo.evaluate.verify import make_fingerprint

    for spec, _ in models:
        if not spec.weightless and (spec.weights is None or (spec.weights.hub and spec.weights.hub.revision)):
            raise OptionError(f"--write needs models of a local zoo, but {spec.name} is in none: leave --write out")
    return {spec.name: make_fingerprint(spec, path) for spec, path in models}

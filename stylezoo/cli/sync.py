"""`stylezoo sync`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stylezoo.cli.console import put_json, say

if TYPE_CHECKING:
    from stylezoo.zoo.catalog import OpenZoo
    from stylezoo.zoo.hub import Repository


@click.command("sync")
@click.argument("repo", metavar="OWNER/ZOO")
@click.option(
    "--zoo",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of a zoo.  [default: the bundled zoo]",
)
@click.option("--pull", is_flag=True, help="Download what is missing, damaged or older here.")
@click.option("--push", is_flag=True, help="Upload what is missing or different there.")
@click.option("--theirs", is_flag=True, help="With --pull, also overwrite local changes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per model.")
@click.pass_context
def command(
    ctx: click.Context, repo: str, folder: Path | None, pull: bool, push: bool, theirs: bool, as_json: bool
) -> None:
    """Compare a local zoo with a repository on the Hub, and synchronize them with --pull or --push.

    Prints the state of each model: same, only here, only there, missing here or damaged here (the weights file), newer
    there (the repository once had the local version), or differs (it never had it). Exits with 1 if differences remain.
    """
    from stylezoo.errors import OptionError
    from stylezoo.zoo.catalog import REGISTRY, OpenZoo, default_zoo, open_folder, read_repository
    from stylezoo.zoo.hub import Repository, parse_repo
    from stylezoo.zoo.spec import Zoo
    from stylezoo.zoo.store import BUNDLED
    from stylezoo.zoo.sync import SENT, TAKEN, compare, take

    if theirs and not pull:
        raise OptionError("--theirs needs --pull: add it, or leave --theirs out")
    if pull and folder is None:
        raise OptionError("--pull needs --zoo FOLDER; to update the bundled zoo, upgrade stylezoo")
    if folder is None:
        here = OpenZoo(default_zoo(), BUNDLED)
    elif (folder / REGISTRY).exists() or not pull:
        here = open_folder(folder)
    else:
        here = OpenZoo(Zoo(schema=1, aliases={}, models={}), folder)
    repository = Repository(parse_repo(repo))
    found = compare(here, repository)
    wanted = {d.name for d in found if pull and (d.state in TAKEN or (theirs and d.state == "differs"))}
    sent = {d.name for d in found if push and d.state in SENT} - wanted
    if wanted:
        assert folder is not None
        take([spec for name, spec in read_repository(repository).models.items() if name in wanted], folder)
    if sent:
        _push(here, repository, sorted(sent))
    for d in found:
        mended = "taken" if d.name in wanted else "sent" if d.name in sent else None
        if as_json:
            put_json({"name": d.name, "state": d.state, "mended": mended})
        else:
            click.echo(f"{d.state:13}  {d.name}{f'  ({mended})' if mended else ''}")
    left = [d for d in found if d.state != "same" and d.name not in wanted | sent]
    if left:
        how = {d.state: _REMEDY[d.state] for d in left}
        say("; ".join(f"{state}: {remedy}" for state, remedy in how.items()))
        ctx.exit(1)


_REMEDY = {
    "only here": "--push uploads it",
    "only there": "--pull downloads it",
    "missing here": "--pull downloads it",
    "damaged here": "--pull repairs it",
    "newer there": "--pull downloads it",
    "differs": "--push uploads ours, --pull --theirs downloads theirs",
}


def _push(here: OpenZoo, repository: Repository, names: list[str]) -> None:
    from stylezoo.publish.release import registered
    from stylezoo.zoo.publish import publish
    from stylezoo.zoo.store import locate, locate_in

    specs = [here.zoo.models[name] for name in names]
    files = [(here.folder and locate_in(here.folder, spec)) or locate(spec) for spec in specs]
    publish(repository, [registered(spec, file) for spec, file in zip(specs, files, strict=True)])

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
    help="A zoo's folder.  [default: the package's]",
)
@click.option("--pull", is_flag=True, help="Take over what is missing, damaged or older here.")
@click.option("--push", is_flag=True, help="Send what is missing or other there.")
@click.option("--theirs", is_flag=True, help="With --pull: also replace what differs here and was never there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a model.")
@click.pass_context
def command(
    ctx: click.Context, repo: str, folder: Path | None, pull: bool, push: bool, theirs: bool, as_json: bool
) -> None:
    """Say what differs between a zoo here and a repository of the Hub, and mend it on request.

    Prints how each model stands: same, only here, only there, missing here or damaged here (its file), newer there (it
    once held what is here), differs (it never did). Exits with 1 if something differs and is not mended.
    """
    from stylezoo.errors import OptionError
    from stylezoo.zoo.catalog import REGISTRY, OpenZoo, default_zoo, open_folder, read_repository
    from stylezoo.zoo.hub import Repository, parse_repo
    from stylezoo.zoo.spec import Zoo
    from stylezoo.zoo.store import BUNDLED
    from stylezoo.zoo.sync import SENT, TAKEN, compare, take

    if theirs and not pull:
        raise OptionError("--theirs goes with --pull")
    if pull and folder is None:
        raise OptionError("--pull needs --zoo FOLDER: the package's own zoo is renewed by upgrading stylezoo")
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
    "only here": "--push sends it",
    "only there": "--pull takes it",
    "missing here": "--pull takes it",
    "damaged here": "--pull mends it",
    "newer there": "--pull takes it",
    "differs": "--push sends ours, --pull --theirs takes theirs",
}


def _push(here: OpenZoo, repository: Repository, names: list[str]) -> None:
    from stylezoo.publish.release import registered
    from stylezoo.zoo.publish import publish
    from stylezoo.zoo.store import locate, locate_in

    specs = [here.zoo.models[name] for name in names]
    files = [(here.folder and locate_in(here.folder, spec)) or locate(spec) for spec in specs]
    publish(repository, [registered(spec, file) for spec, file in zip(specs, files, strict=True)])

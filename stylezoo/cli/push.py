"""`stylezoo push`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stylezoo.cli.console import example, put_json, say
from stylezoo.cli.options import model_names
from stylezoo.errors import OptionError

if TYPE_CHECKING:
    from stylezoo.zoo.publish import Change


@click.command("push")
@click.argument("names", nargs=-1, required=True, metavar="RUN|NAME...", shell_complete=model_names)
@click.option(
    "--repo", required=True, metavar="OWNER/ZOO", help="Repository to publish to; OWNER/ZOO@BRANCH for a branch."
)
@click.option("--private", is_flag=True, help="Make the repository private if it is created.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and stop.")
@click.option("--license", metavar="ID", help="License of a run's weights.  [default: from its recipe]")
@click.option("--rights", metavar="TEXT", help="Rights to the style images, if not stated yet.")
@click.option("--source", metavar="TEXT", help="Source of the style images.")
@click.option("--story", metavar="TEXT", help="How the weights were made, if not by one run of a recipe.")
@click.option(
    "--photo", type=click.Path(path_type=Path), help="Photo for the model card.  [default: scikit-image's astronaut]"
)
@click.option("--no-picture", is_flag=True, help="Make a model card without pictures.")
@click.option("--card", type=click.Path(dir_okay=False, path_type=Path), help="Write the model card to this file, too.")
@click.option("--replace-readme", is_flag=True, help="Replace a README.md that was written by hand.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per file.")
def command(
    names: tuple[str, ...],
    repo: str,
    private: bool,
    dry_run: bool,
    license: str | None,
    rights: str | None,
    source: str | None,
    story: str | None,
    photo: Path | None,
    no_picture: bool,
    card: Path | None,
    replace_readme: bool,
    as_json: bool,
) -> None:
    """Publish models on the Hugging Face Hub: run folders, weights files, or models of the zoo by NAME.

    The repository holds a zoo: a registry, one weights file per model, and a model card with pictures. Only files that
    changed are sent; each is printed. Log in first with 'hf auth login', or set HF_TOKEN.
    """
    import tempfile

    from stylezoo.publish.release import make_entry
    from stylezoo.zoo.hub import Repository, parse_repo
    from stylezoo.zoo.publish import publish

    if card and card.exists():
        raise OptionError(f"'{card}' exists: choose another --card")
    repository = Repository(parse_repo(repo))
    facts = {"license": license, "rights": rights, "source": source, "story": story}
    with tempfile.TemporaryDirectory() as scratch:
        entries = [make_entry(n, Path(scratch), photo=photo, picture=not no_picture, **facts) for n in names]
        changes = publish(repository, entries, private=private, dry_run=dry_run, replace_readme=replace_readme)
    if card:
        write_card(card, changes)
    for change in changes:
        if as_json:
            put_json({"path": change.path, "what": change.what, "sent": not dry_run})
        else:
            click.echo(f"{change.what:7}  {change.path}")
    if not changes:
        say(f"nothing to send: {repository} is up to date")
    elif dry_run:
        say(f"{len(changes)} files would be sent to {repository}")
    else:
        spec = entries[0].spec
        say(f"sent {len(changes)} files; try it: {example(f'hf:{repository}/{spec.name}', spec)}")


def write_card(target: Path, changes: Sequence[Change]) -> None:
    """Write the README.md among the changes to a file."""
    from stylezoo._files import replacing

    text = next((change.text for change in changes if change.path == "README.md"), None)
    if text is None:
        say("the model card did not change, so it was not written")
        return
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")

"""`stylezoo push`."""

from __future__ import annotations

from pathlib import Path

import click

from stylezoo.cli.console import example, put_json, say
from stylezoo.cli.options import model_names


@click.command("push")
@click.argument("names", nargs=-1, required=True, metavar="RUN|NAME...", shell_complete=model_names)
@click.option("--repo", required=True, metavar="OWNER/ZOO", help="The repository; OWNER/ZOO@BRANCH for a branch of it.")
@click.option("--private", is_flag=True, help="If there is no such repository yet, make a private one.")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@click.option("--license", metavar="ID", help="Of the weights of a run.  [default: what its recipe says]")
@click.option("--rights", metavar="TEXT", help="Why the pictures of styles may be used, where it is not stated yet.")
@click.option("--source", metavar="TEXT", help="Where these pictures come from.")
@click.option("--story", metavar="TEXT", help="How the weights were made, where it was not one run of a recipe.")
@click.option(
    "--photo", type=click.Path(path_type=Path), help="A photo for the card.  [default: scikit-image's astronaut]"
)
@click.option("--no-picture", is_flag=True, help="A card without a picture.")
@click.option("--replace-readme", is_flag=True, help="Also replace a README.md that somebody wrote.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file.")
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
    replace_readme: bool,
    as_json: bool,
) -> None:
    """Publish models in a repository of the Hugging Face Hub: run folders, weights files, or models of the zoo by NAME.

    The repository holds a zoo: a registry, one file a model, and a model card with pictures. Prints each file that is
    sent; what is there already is not sent again. Log in before by 'hf auth login', or set HF_TOKEN.
    """
    import tempfile

    from stylezoo.publish.release import make_entry
    from stylezoo.zoo.hub import Repository, parse_repo
    from stylezoo.zoo.publish import publish

    repository = Repository(parse_repo(repo))
    facts = {"license": license, "rights": rights, "source": source, "story": story}
    with tempfile.TemporaryDirectory() as scratch:
        entries = [make_entry(n, Path(scratch), photo=photo, picture=not no_picture, **facts) for n in names]
        changes = publish(repository, entries, private=private, dry_run=dry_run, replace_readme=replace_readme)
    for change in changes:
        if as_json:
            put_json({"path": change.path, "what": change.what, "sent": not dry_run})
        else:
            click.echo(f"{change.what:7}  {change.path}")
    if not changes:
        say(f"nothing to send: all of it is in {repository} already")
    elif dry_run:
        say(f"{len(changes)} files would be sent to {repository}")
    else:
        spec = entries[0].spec
        say(f"sent {len(changes)} files; try it: {example(f'hf:{repository}/{spec.name}', spec)}")

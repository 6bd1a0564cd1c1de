"""`stylezoo web`."""

from __future__ import annotations

from pathlib import Path

import click

from stylezoo.cli.console import put_json, say
from stylezoo.cli.options import model_names


@click.command("web")
@click.argument("names", metavar="[NAME]...", nargs=-1, shell_complete=model_names)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder to write.")
@click.option(
    "--ort",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="A copy of the npm package onnxruntime-web.  [default: downloaded once]",
)
@click.option("--force", is_flag=True, help="Overwrite the files of an earlier site.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(names: tuple[str, ...], output: Path, ort: Path | None, force: bool, as_json: bool) -> None:
    """Write a web page that stylizes photos in the visitor's browser, without a server behind it.

    NAME is a model of the families johnson, cin or ghiasi; by default cin/16 and ghiasi/lite. Any file server can serve
    the folder; nothing is uploaded, and after the first visit the page works offline.

    \b
    stylezoo web -o site
    python -m http.server --directory site
    """
    from stylezoo.web import write_site
    from stylezoo.web.site import MODELS

    made = write_site(output, names or MODELS, ort=ort, overwrite=force, progress=True)
    if as_json:
        put_json({"folder": str(made.folder), "models": made.models, "files": made.files, "bytes": made.size})
        return
    say(f"{made.files} files, {made.size / 1e6:.1f} MB, in {made.folder} with {', '.join(made.models)}")
    say(f"to see it: python -m http.server --directory {made.folder}")

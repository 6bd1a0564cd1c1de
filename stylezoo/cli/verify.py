"""`stylezoo verify`."""

from __future__ import annotations

import click

from stylezoo.cli.options import model_names
from stylezoo.cli.talk import Failure, put_json


@click.command("verify")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=model_names)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def command(names: tuple[str, ...], as_json: bool) -> None:
    """Check the weights of the models NAME (every model by default) against what the registry states.

    Prints one line for each thing checked, and exits with 2 if one of them fails.
    """
    from stylezoo.evaluate.verify import verify_model
    from stylezoo.zoo.catalog import list_models, model_info

    specs = [model_info(name) for name in names or list_models()]  # a misspelt name stops before the first check
    failed = 0
    for spec in specs:
        for finding in verify_model(spec):
            failed += not finding.ok
            if as_json:
                put_json({"model": finding.name, "ok": finding.ok, "what": finding.what})
            else:
                click.echo(f"{'ok' if finding.ok else 'FAIL':4}  {finding.name}  {finding.what}")
    if failed:
        raise Failure(f"{failed} {'check' if failed == 1 else 'checks'} failed")

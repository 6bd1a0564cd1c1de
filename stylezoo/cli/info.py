"""`stylezoo info`."""

from __future__ import annotations

import click

from stylezoo.cli.console import put_json
from stylezoo.cli.options import model_names


@click.command("info")
@click.argument("name", shell_complete=model_names)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of YAML.")
def command(name: str, as_json: bool) -> None:
    """Show the model NAME: its styles and their rights, weights, recipe and measured quality.

    NAME is a model of the zoo, a run folder or a weights file.
    """
    import msgspec
    import yaml

    from stylezoo.zoo.results import own_results
    from stylezoo.zoo.store import find

    spec, _ = find(name)
    record = {"name": spec.name, "kind": spec.kind, **msgspec.to_builtins(spec)}
    measured = {key: file.of(spec) for key, file in own_results().items()}
    record["measured"] = {
        key: [msgspec.to_builtins(figure) | {"run": msgspec.to_builtins(run)} for figure, run in figures]
        for key, figures in measured.items()
        if figures
    }
    if as_json:
        put_json(record, indent=2)
    else:
        click.echo(yaml.safe_dump(record, sort_keys=False, allow_unicode=True, width=100), nl=False)

"""`stylezoo doctor`."""

from __future__ import annotations

import dataclasses

import click

from stylezoo.cli.console import Failure, put_json


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool) -> None:
    """Show versions, extras and devices, and compare every runtime with the CPU on a test image.

    Exits with 1 if a check fails.
    """
    from stylezoo.stylizer.doctor import examine

    report = examine()
    if as_json:
        put_json(dataclasses.asdict(report) | {"ok": report.ok})
    else:
        for name, installed in report.versions.items():
            click.echo(f"{name:<16} {installed}")
        machine = report.machine
        threads = f", {machine['threads']} threads from OMP_NUM_THREADS" if machine["threads"] else ""
        click.echo(f"\n{machine['system']}, {machine['processor']}, {machine['cores']} cores{threads}\n")
        for extra, missing in report.extras.items():
            state = f"without {', '.join(missing)}: pip install 'stylezoo[{extra}]'" if missing else "installed"
            click.echo(f"[{extra}]{'':<{14 - len(extra)}} {state}")
        click.echo()
        for number, check in enumerate(report.checks):
            against = "the reference" if not number else f"differs by {check.difference}/255 at most"
            said = check.error or f"{against}, {check.milliseconds:g} ms"
            click.echo(f"{check.runtime + ' on ' + check.device:<16} {'ok' if check.ok else 'FAILED'}: {said}")
    if not report.ok:
        raise Failure("a check failed: see above", code=1)

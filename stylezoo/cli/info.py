"""`stylezoo info`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.console import example, one_line, put_json
from stylezoo.cli.options import model_names

if TYPE_CHECKING:
    from stylezoo.zoo.card import CardSpec
    from stylezoo.zoo.spec import ModelSpec

WIDTH, LABEL = 100, 10  # characters of a line, and of the label that it begins with


@click.command("info")
@click.argument("name", shell_complete=model_names)
@click.option("--all", "whole", is_flag=True, help="Print the whole record, as YAML.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole record, as JSON.")
def command(name: str, whole: bool, as_json: bool) -> None:
    """Show the model NAME: its styles, rights, origin and measured quality.

    NAME is a model of the zoo, a run folder, a weights file or a style card.
    """
    import msgspec

    from stylezoo._yaml import dump_yaml
    from stylezoo.zoo.card import holds_card, read_card
    from stylezoo.zoo.store import find

    if holds_card(name):
        card = read_card(name)
        lines, record = card_lines(name, card), msgspec.to_builtins(card)
    else:
        spec = find(name)[0]
        lines, record = model_lines(name, spec), model_record(spec)
    if as_json:
        put_json(record, indent=2)
    elif whole:
        click.echo(dump_yaml(record, width=WIDTH), nl=False)
    else:
        for line in lines:
            click.echo(line)


def model_record(spec: ModelSpec) -> dict[str, Any]:
    """Return the record of a model with its figures, as plain values."""
    import msgspec

    from stylezoo.zoo.results import own_results

    record = {"name": spec.name, "kind": spec.kind, **msgspec.to_builtins(spec)}
    measured = {key: file.of(spec) for key, file in own_results().items()}
    record["measured"] = {
        key: [msgspec.to_builtins(figure) | {"run": msgspec.to_builtins(run)} for figure, run in figures]
        for key, figures in measured.items()
        if figures
    }
    return record


def model_lines(name: str, spec: ModelSpec) -> Iterator[str]:
    """Yield what most people want to know of a model, on one screen."""
    from stylezoo.zoo.card_figures import overall
    from stylezoo.zoo.families import FAMILIES
    from stylezoo.zoo.results import own_results

    yield from entry("model", f"{spec.name}: {spec.summary}" if spec.summary else spec.name)
    yield from entry("family", f"{spec.family} ({FAMILIES[spec.family].paper})")
    titles = [f"{style.id} ({style.artist})" if style.artist else style.id for style in spec.styles]
    any_style = "any picture" if spec.kind == "arbitrary" else ""
    yield from entry("styles", "; ".join(filter(None, [any_style, ", ".join(titles)])))
    if spec.weights:
        size, hash = f"{spec.weights.bytes / 1e6:.1f} MB", spec.weights.sha256
        place = f" on the Hub's {spec.weights.hub.repo}" if spec.weights.hub else ""
        yield from entry("file", f"{spec.weights.file}{place}, {size}, {spec.weights.dtype}, sha256 {hash[:12]}…")
    yield from entry("license", spec.license)
    yield from entry("origin", ": ".join(filter(None, [spec.provenance, spec.story or spec.recipe])))
    yield from entry("trained on", spec.training_data)
    measured = {key: overall(spec, file).partition(" (")[0] for key, file in own_results().items()}
    figures = ", ".join(f"{key} {figure}" for key, figure in measured.items() if figure)
    yield from entry("quality", figures and f"{figures} (docs/measuring.md explains them)")
    yield "example".ljust(LABEL) + f"  {example(name, spec)}"  # a command stays on one line, to be copied
    yield "more".ljust(LABEL) + f"  stylezoo info {name} --all"


def card_lines(name: str, card: CardSpec) -> Iterator[str]:
    """Yield what most people want to know of a style card."""
    by = ", ".join(filter(None, [card.style.artist, card.style.year]))
    yield from entry("style", f"{card.style.id}: {card.style.title or card.style.id}{f' ({by})' if by else ''}")
    yield from entry("for", f"{card.base}, and {card.family} models with the same trunk (sha256 {card.trunk[:12]}…)")
    yield from entry("license", card.license)
    yield from entry("rights", card.style.rights)
    yield from entry("source", card.style.source)
    yield "example".ljust(LABEL) + f"  stylezoo stylize photo.jpg -m {card.base} --card {name} -o stylized.jpg"


def entry(label: str, text: str | None) -> Iterator[str]:
    """Yield a text after its label, wrapped; nothing for an empty text."""
    if text:
        start = label.ljust(LABEL) + "  "
        yield from textwrap.wrap(one_line(text), WIDTH, initial_indent=start, subsequent_indent=" " * len(start))

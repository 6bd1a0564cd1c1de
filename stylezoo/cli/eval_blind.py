"""`stylezoo eval --blind` and `--votes`: people compare two methods without knowing which is which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from stylezoo.cli.console import put_json, say, show_progress
from stylezoo.cli.eval_pairs import Asked, plan
from stylezoo.errors import OptionError


def make_page(names: Sequence[str], asked: Asked, path: Path) -> None:
    """Write the page on which a person compares the results of two methods.

    Raises:
        OptionError: there are not two methods, or they share no pairs.
    """
    from stylezoo._files import replacing
    from stylezoo.data.styles import read_style
    from stylezoo.evaluate.blind import blind_page, make_trials
    from stylezoo.images.io import to_pil

    if len(names) != 2 or names[0] == names[1]:
        raise OptionError(f"--blind compares two methods, not {len(set(names))}: name two")
    tables = plan(names, asked)
    if len(tables) != 1 or len(tables[0].methods) != 2:
        raise OptionError(f"{names[0]} and {names[1]} have different styles: add --styles-of MODEL")
    first, second = tables[0].methods
    images = []
    for number, pair in enumerate(partial(show_progress, unit="pair")(tables[0].pairs.pairs)):
        photo, style = to_pil(read_style(pair.photo, asked.size)), pair.style.picture()
        results = [method.stylize(photo, style, pair, number) for method in (first, second)]
        shown = to_pil(pair.style.target())
        images.append((f"{pair.photo.stem}/{pair.style.id}", photo, shown, results))
    digest = tables[0].pairs.digest(asked.size)
    trials = make_trials(images, seed=int(digest, 16))
    with replacing(path) as temporary:
        temporary.write_text(blind_page((first.name, second.name), trials, digest), encoding="utf-8")
    say(f"{len(trials)} pairs in {path}: open it in a browser; count the saved votes with stylezoo eval --votes")


def pool_votes(paths: Sequence[Path], *, as_json: bool) -> None:
    """Print the outcome of the votes of one or more judges."""
    from stylezoo.evaluate.blind import pool, read_votes

    outcome = pool([read_votes(path) for path in paths])
    if as_json:
        put_json({"what": "votes", "judges": len(paths)} | asdict(outcome))
    else:
        click.echo(outcome.text)

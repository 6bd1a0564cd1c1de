"""`stylezoo sheet`."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.console import put_json, say_wrote, show_progress
from stylezoo.cli.jobs import check_quality, find_sources, plan
from stylezoo.cli.options import (
    files_of,
    model_names,
    parse_names,
    read_options,
    shared_options,
    spread_folders,
    stylize_options,
    warn_without_picture,
)
from stylezoo.cli.request import check_kept, check_stdout
from stylezoo.errors import OptionError, did_you_mean
from stylezoo.stylizer.batch.streams import open_stdin, put

if TYPE_CHECKING:
    from PIL import Image

    from stylezoo.stylizer.stylizer import Stylizer

CLASHES = (
    ("--blend", "--styles"),
    ("--blend", "--strengths"),
    ("--blend", "--columns"),
    ("--strengths", "--columns"),
    ("--strengths", "--strength"),
)


class Sheet(click.Command):
    """A command whose --blend takes several words, as in --blend a b, which click cannot express."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        start = args.index("--blend") + 1 if "--blend" in args else len(args)
        if start < len(args) and "," not in args[start]:
            # A blend has at least two styles; after these, a word that looks like a path is a photo.
            ends = (i for i in range(start, len(args)) if re.match("-" if i < start + 2 else r"-|.*[./\\]", args[i]))
            end = next(ends, len(args))
            args = [*args[:start], ",".join(args[start:end]), *args[end:]]
        return super().parse_args(ctx, args)


@click.command("sheet", cls=Sheet)
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("-o", "--output", required=True, metavar="OUT", help="Picture to write, or - for stdout.")
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    default=["cin/16"],
    shell_complete=model_names,
    help="Model name, run folder, weights file, or a pattern such as 'johnson/*'; may be repeated.",
)
@shared_options("card")
@click.option(
    "-s", "--styles", metavar="A,B,C", help="Styles to show: names, pictures or a folder of pictures.  [default: all]"
)
@click.option(
    "--blend",
    metavar="A B [C D]",
    help="Blend two or four styles. Write four pictures as A,B,C,D.",
)
@click.option(
    "--steps",
    type=click.IntRange(2, 32),
    help="Pictures along each side of the blend.  [default: 7 for two styles, 5 for four]",
)
@click.option("--strengths", is_flag=True, help="Show each style at several strengths.")
@click.option("--size", default=256, type=click.IntRange(32, 2048), metavar="PX", help="Long side of each picture.")
@click.option("--columns", type=click.IntRange(min=1), metavar="N", help="Pictures per row.  [default: auto]")
@stylize_options("strength", "stroke", "palette", "preserve_color", "protect", "only", "style_size")
@shared_options("quality", "device")
@click.option("--force", is_flag=True, help="Overwrite OUT.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about the sheet.")
def command(
    photos: tuple[str, ...],
    output: str,
    models: tuple[str, ...],
    cards: tuple[Path, ...],
    size: int,
    quality: int,
    device: str,
    force: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Draw one labelled page: PHOTO in every style of a model, or in blends of styles.

    Several photos, or pictures as styles, give a grid: one row per photo, one column per style.

    \b
    stylezoo sheet photo.jpg -m cin/16 -o sheet.jpg
    stylezoo sheet photo.jpg -m 'johnson/*' -o sheet.jpg
    stylezoo sheet photo.jpg -m cin/16 --blend starry_night great_wave -o line.jpg
    stylezoo sheet photos/ -m any --styles styles/ -o grid.jpg
    """
    check_stdout(output, as_json)
    start = time.perf_counter()
    names = [name for model in models for name in matching(model)]
    choices, how = read_choices(asked), read_options(asked)
    choices.check(names, "--card" if cards else None, "--strength" if how.strength != 1 else None)
    if Path(output).is_dir():
        raise OptionError(f"'{output}' is a folder: name the picture to write")
    sources = [source.path for source in find_sources(photos)]
    choices.check_photos(len(sources), len(names))
    job = plan([str(sources[0] or "-")], output, force=force)[0]
    check_quality([job])
    check_kept([job], [*cards, *filter(None, sources)])

    from stylezoo.stylizer.loading import load

    nets = [load(name, device=device) for name in names]
    for card in cards:
        nets[0].add_card(card)
    known = list(dict.fromkeys(style for net in nets for style in net.styles))
    choices = choices.spread(known)
    check_kept([job], [file for style in choices.pictures(known) for file in files_of(style)])
    warn_without_picture(nets[0].spec, choices.corners or choices.shown or known)
    facts: dict[str, Any] = {"size": size, "strength": how.strength}
    facts |= {
        name: getattr(how, name) for name in ("style_size", "stroke", "palette", "preserve_color", "protect", "only")
    }
    page = choices.draw(nets, [source or open_stdin() for source in sources], known, facts)
    put(page, job, quality=quality, force=force)
    say_wrote(output, time.perf_counter() - start)
    if as_json:
        record: dict[str, Any] = {"inputs": [str(source or "-") for source in sources], "output": job.output}
        record |= {"models": [net.spec.name for net in nets], "styles": choices.corners or choices.shown or known}
        put_json(record | {"width": page.width, "height": page.height} | facts)


@dataclass(frozen=True)
class Choices:
    """The kind of sheet and its styles.

    Attributes:
        shown: the styles to show; None: all.
        corners: the styles to blend; None: no blend.
        steps: pictures along each side of the blend.
        strengths: show each style at several strengths.
        columns: pictures per row.
    """

    shown: list[str] | None
    corners: list[str] | None
    steps: int | None
    strengths: bool
    columns: int | None

    @property
    def given(self) -> list[str]:
        """The options that were given."""
        options = {"--blend": self.corners, "--styles": self.shown, "--columns": self.columns}
        return [name for name, value in options.items() if value is not None] + ["--strengths"] * self.strengths

    @property
    def alone(self) -> list[str]:
        """The given options that allow only one photo."""
        return [option for option in ("--blend", "--strengths", "--columns") if option in self.given]

    def check(self, names: list[str], *others: str | None) -> None:
        """Raise OptionError if options (with `others`) exclude each other, or do not allow several models."""
        given = {*self.given, *others}
        for one, other in CLASHES:
            if one in given and other in given:
                raise OptionError(f"{one} and {other} exclude each other: leave one out")
        if self.steps is not None and self.corners is None:
            raise OptionError("--steps needs --blend: leave it out, or name styles with --blend")
        if several := [o for o in ("--blend", "--strengths", "--card") if o in given and len(names) > 1]:
            raise OptionError(f"{several[0]} takes one model, not {len(names)}: {', '.join(names)}")

    def check_photos(self, photos: int, models: int) -> None:
        """Raise OptionError if several photos are given with an option for one photo."""
        if photos > 1 and (clash := self.alone + ["a second model"] * (models > 1)):
            raise OptionError(f"{clash[0]} takes one photo, not {photos}: leave it out, or give one photo")

    def spread(self, known: list[str]) -> Choices:
        """Return the choices, each folder replaced by the pictures in it."""
        return self if self.shown is None else replace(self, shown=spread_folders(self.shown, known))

    def pictures(self, known: list[str]) -> list[str]:
        """Return the styles that are pictures."""
        return [style for style in self.corners or self.shown or () if style not in known]

    def draw(self, nets: list[Stylizer], photos: list[Any], known: list[str], facts: dict[str, Any]) -> Image.Image:
        """Return the sheet; `facts` are options for all styles."""
        from stylezoo.sheet import blend_sheet, contact_sheet, grid_sheet, strength_sheet

        facts = facts | {"progress": partial(show_progress, unit="picture")}
        photo = photos[0]
        if len(photos) > 1 or (self.pictures(known) and not self.alone and len(nets) == 1):
            return grid_sheet(nets[0], photos, self.shown or known, **facts)
        if self.corners is not None:
            return blend_sheet(nets[0], photo, self.corners, steps=self.steps, **facts)
        if self.strengths:
            facts.pop("strength")
            return strength_sheet(nets[0], photo, self.shown, **facts)
        return contact_sheet(nets, photo, self.shown, columns=self.columns, **facts)


def read_choices(asked: dict[str, Any]) -> Choices:
    """Pop the choices from the command's options; raise OptionError if a list of names is empty."""
    shown, corners = (
        None if (text := asked.pop(name)) is None else parse_names(text, f"--{name}") for name in ("styles", "blend")
    )
    return Choices(shown, corners, *(asked.pop(name) for name in ("steps", "strengths", "columns")))


def matching(model: str) -> list[str]:
    """Return the models that match a pattern such as 'johnson/*', or the one model named."""
    if not re.search(r"[*?[]", model) or Path(model).exists():
        return [model]

    from stylezoo.zoo.catalog import list_models

    if found := list_models(model):
        return found
    raise OptionError(f"no model matches '{model}'.{did_you_mean(model, list_models())}")

"""`stylezoo sheet`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from stylezoo.cli.jobs import find_sources, plan
from stylezoo.cli.options import files_of, model_names, parse_names, read_options, spread_folders, stylize_options
from stylezoo.cli.request import check_kept, check_stdout
from stylezoo.cli.stylize import FILE
from stylezoo.cli.talk import put_json
from stylezoo.engines.streams import open_stdin, put
from stylezoo.errors import OptionError, did_you_mean

CLASHES = (
    ("--blend", "--styles"),
    ("--blend", "--strengths"),
    ("--blend", "--columns"),
    ("--strengths", "--columns"),
    ("--strengths", "--strength"),
)


class Sheet(click.Command):
    """A command that also takes the names after --blend one by one, as in --blend a b, which click cannot express."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        start = args.index("--blend") + 1 if "--blend" in args else len(args)
        if start < len(args) and "," not in args[start]:
            # A name like a file's is a photo's, but not before two: a blend has no fewer styles.
            ends = (i for i in range(start, len(args)) if re.match("-" if i < start + 2 else r"-|.*[./\\]", args[i]))
            end = next(ends, len(args))
            args = [*args[:start], ",".join(args[start:end]), *args[end:]]
        return super().parse_args(ctx, args)


@click.command("sheet", cls=Sheet)
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("-o", "--output", required=True, metavar="OUT", help="The picture to write, or - for stdout.")
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    default=["cin/16"],
    shell_complete=model_names,
    help="A model's name, run or weights file, or a pattern such as 'johnson/*'; several may be given.",
)
@click.option("--card", "cards", multiple=True, type=FILE, help="Add the style of this card.")
@click.option(
    "--styles", metavar="A,B,C", help="Show these styles, or pictures as styles, or a folder.  [default: all]"
)
@click.option(
    "--blend",
    metavar="A B [C D]",
    help="Show what lies between two styles, or four: in words, or as A,B,C,D, which four pictures need.",
)
@click.option("--steps", type=click.IntRange(2, 32), help="Pictures on each side of the blend.  [default: 7 or 5]")
@click.option("--strengths", is_flag=True, help="Show each style at several strengths.")
@click.option("--size", default=256, type=click.IntRange(32, 2048), metavar="PX", help="Long side of each picture.")
@click.option("--columns", type=click.IntRange(min=1), metavar="N", help="Pictures in a row.  [default: as suits]")
@stylize_options("strength", "stroke", "preserve_color", "style_size")
@click.option("--quality", default=92, type=click.IntRange(1, 100), help="Quality of JPEG and WebP files.")
@click.option("--device", default="auto", help="Where to compute: auto, cpu, cuda, cuda:1 or mps.")
@click.option("--force", is_flag=True, help="Overwrite OUT if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about the sheet.")
def command(
    photos: tuple[str, ...],
    output: str,
    models: tuple[str, ...],
    cards: tuple[Path, ...],
    styles: str | None,
    blend: str | None,
    steps: int | None,
    strengths: bool,
    size: int,
    columns: int | None,
    quality: int,
    device: str,
    force: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Draw one labelled page of PHOTO in all styles of a model, or in blends of its styles.

    Several photos, or pictures as styles, make a grid: a row for each photo, a column for each style.

    \b
    stylezoo sheet photo.jpg -m cin/16 -o sheet.jpg
    stylezoo sheet photo.jpg -m 'johnson/*' -o sheet.jpg
    stylezoo sheet photo.jpg -m cin/16 --blend starry_night great_wave -o line.jpg
    stylezoo sheet photos/ -m any --styles paintings/ -o grid.jpg
    """
    check_stdout(output, as_json)
    how = read_options(asked)
    shown = None if styles is None else parse_names(styles, "--styles")
    corners = None if blend is None else parse_names(blend, "--blend")
    names = [name for model in models for name in matching(model)]
    given = {
        "--blend": corners is not None,
        "--styles": shown is not None,
        "--strengths": strengths,
        "--columns": columns is not None,
        "--strength": how.strength != 1,
        "--card": bool(cards),
    }
    for one, other in CLASHES:
        if given[one] and given[other]:
            raise OptionError(f"{one} and {other} exclude each other")
    if steps is not None and corners is None:
        raise OptionError("--steps belongs to --blend, which names the styles to go between")
    if several := [option for option in ("--blend", "--strengths", "--card") if given[option] and len(names) > 1]:
        raise OptionError(f"{several[0]} is for one model, not for {len(names)}: {', '.join(names)}")
    if Path(output).is_dir():
        raise OptionError(f"'{output}' is a folder: name the picture to write")
    sources = [source.path for source in find_sources(photos)]
    many = len(sources) > 1
    alone = [option for option in ("--blend", "--strengths", "--columns") if given[option]]
    if many and (clash := alone + ["a second model"] * (len(names) > 1)):
        raise OptionError(f"{clash[0]} is for one photo, not for a grid of {len(sources)}")
    job = plan([str(sources[0] or "-")], output, force=force)[0]
    check_kept([job], [*cards, *filter(None, sources)])

    from tqdm import tqdm

    from stylezoo.sheet import blend_sheet, contact_sheet, grid_sheet, strength_sheet
    from stylezoo.stylizer import load

    nets = [load(name, device=device) for name in names]
    for card in cards:
        nets[0].add_card(card)
    known = list(dict.fromkeys(style for net in nets for style in net.styles))
    shown = shown and spread_folders(shown, known)
    pictures = [style for style in corners or shown or () if style not in known]
    check_kept([job], [file for style in pictures for file in files_of(style)])
    shared = {name: getattr(how, name) for name in ("style_size", "stroke", "preserve_color")}
    options: dict[str, Any] = {
        "size": size,
        **shared,
        # disable=None hides the bar where stderr is not a terminal
        "progress": lambda paintings: tqdm(paintings, unit="picture", leave=False, disable=None),
    }
    opened = [source or open_stdin() for source in sources]
    source = opened[0]
    if many or (pictures and not alone and len(nets) == 1):
        page = grid_sheet(nets[0], opened, shown or known, strength=how.strength, **options)
    elif corners is not None:
        page = blend_sheet(nets[0], source, corners, steps=steps, strength=how.strength, **options)
    elif strengths:
        page = strength_sheet(nets[0], source, shown, **options)
    else:
        page = contact_sheet(nets, source, shown, columns=columns, strength=how.strength, **options)
    put(page, job, quality=quality, force=force)
    if as_json:
        put_json(
            {
                "inputs": [str(source or "-") for source in sources],
                "output": job.output,
                "models": [net.spec.name for net in nets],
                "styles": corners or shown or known,
                "width": page.width,
                "height": page.height,
                "size": size,
                "strength": how.strength,
                **shared,
            }
        )


def matching(model: str) -> list[str]:
    """Return the models of the zoo that a pattern such as 'johnson/*' matches, or else the one that is named."""
    if not re.search(r"[*?[]", model) or Path(model).exists():
        return [model]

    from stylezoo.zoo.catalog import list_models

    if found := list_models(model):
        return found
    raise OptionError(f"no model matches '{model}'.{did_you_mean(model, list_models())}")

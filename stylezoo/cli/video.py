"""`stylezoo video`."""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stylezoo.cli.console import put_json, say, say_wrote
from stylezoo.cli.options import (
    files_of,
    parse_style,
    read_options,
    shared_options,
    stylize_options,
    warn_without_picture,
)
from stylezoo.errors import OptionError

if TYPE_CHECKING:
    from stylezoo.stylizer.engine import Backend


@click.command("video")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="OUT", help="Clip to write.")
@shared_options("model", "style")
@click.option(
    "--keyframes",
    metavar="TIME:STYLE,...",
    help="Blend between styles at frames or seconds: 0:udnie,5s:great_wave,120:the_kiss+udnie.",
)
@shared_options("card")
@stylize_options(tile="none", hidden=("content_map", "style_map"))
@click.option(
    "--mask",
    type=click.Path(exists=True, path_type=Path),
    help="Stylize where the mask is white: one picture, or a clip or folder with a mask per frame.",
)
@click.option("--steady", default=0.9, help="Temporal smoothing of the norm statistics: 0 (off) to 1.")
@click.option("--flow", is_flag=True, help="Blend each frame with the previous one, warped by optical flow (OpenCV).")
@click.option("--start", default=0.0, metavar="S", help="Start at this many seconds into IN.")
@click.option("--duration", type=float, metavar="S", help="Stylize this many seconds.  [default: to the end]")
@click.option("--no-sound", is_flag=True, help="Drop the sound.")
@click.option(
    "--codec", metavar="NAME", help="h264, hevc, av1, vp9, prores, ffv1 ...  [default: from OUT, h264 if possible]"
)
@click.option(
    "--quality", type=int, metavar="N", help="CRF, lower is better; for WebP 1 to 100.  [default: the codec's]"
)
@shared_options("device", "backend")
@click.option("--force", is_flag=True, help="Overwrite OUT, but never IN.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about the clip.")
def command(
    source: Path,
    output: Path,
    model: str,
    style: str | None,
    keyframes: str | None,
    cards: tuple[Path, ...],
    mask: Path | None,
    no_sound: bool,
    device: str,
    backend: Backend,
    force: bool,
    as_json: bool,
    **asked: Any,
) -> None:
    """Stylize a clip and keep its sound and timing.

    IN is any clip that FFmpeg reads, or an animated GIF, WebP or PNG. The suffix of OUT sets the container. Finished
    frames are kept in OUT.parts; to resume after an interruption, run the same command again.

    \b
    stylezoo video clip.mp4 -o stylized.mp4 -m cin/16 -s starry_night
    stylezoo video clip.mov -o stylized.mp4 -m cin/16 --keyframes 0:starry_night,5s:great_wave
    stylezoo video cat.gif -o stylized.webp -m johnson/mosaic
    """
    began = time.perf_counter()
    wanted = parse_style(style)
    read = [*cards, *files_of(wanted), *([mask] if mask else [])]
    if output.exists() and any(output.samefile(file) for file in read):
        raise OptionError(f"'{output}' is an input and is never overwritten: choose another --output")
    options = read_options(asked)

    from stylezoo.stylizer.loading import load
    from stylezoo.video import stylize_video
    from stylezoo.video.keyframes import read_keyframes

    stylizer = load(model, device=device, backend=backend)
    for card in cards:
        stylizer.add_card(card)
    styles: list[Any] = [key.style for key in read_keyframes(keyframes)] if keyframes else [wanted]
    warn_without_picture(stylizer.spec, styles)
    facts = stylize_video(
        source,
        output,
        stylizer,
        stylizer.styles[-1] if wanted is None and not keyframes and len(cards) == 1 else wanted,
        keyframes=keyframes,
        mask=mask,
        sound=not no_sound,
        overwrite=force,
        progress=sys.stderr.isatty(),
        **asked,  # start, duration, codec, quality, steady and flow
        **options.as_dict(),
    )
    if facts.resumed:
        say(f"{facts.resumed} of {facts.frames} frames were kept from an earlier run")
    if as_json:
        asked_for = {"style": wanted, "keyframes": keyframes} | options.as_dict()
        put_json({"input": str(source)} | dataclasses.asdict(facts) | asked_for)
    say_wrote(output, time.perf_counter() - began)

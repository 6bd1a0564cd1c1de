"""Draw the clip of docs/video.md: the same camera pan over a photo, stylized by two nets.

    python scripts/steady_clip.py

The photo is scikit-image's coffee cup; the camera goes by whole pixels, so that nothing is interpolated.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import skimage.data
from PIL import Image

import stylezoo
from stylezoo.images.page import labelled_page

OUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "steady.webp"
NETS = ("cin/16", "cin/16-video")
STYLE = "great_wave"
SIDE, STEP, FRAMES = 240, 3, 14


@click.command()
@click.option("-o", "--out", default=OUT, type=click.Path(path_type=Path), help="A .webp file.")
def main(out: Path) -> None:
    photo = np.asarray(skimage.data.coffee())
    frames = [Image.fromarray(photo[60 : 60 + SIDE, 120 + i * STEP : 120 + i * STEP + SIDE]) for i in range(FRAMES)]
    stylized = [list(stylezoo.load(net).stylize_frames(frames, STYLE)) for net in NETS]
    pages = [labelled_page(list(pair), [(net, "") for net in NETS], len(NETS)) for pair in zip(*stylized, strict=True)]
    pages += pages[-2:0:-1]  # there and back, so that it goes on for ever
    pages[0].save(out, save_all=True, append_images=pages[1:], duration=80, loop=0, quality=40, method=6)
    click.echo(f"{out}: {len(pages)} frames, {out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()

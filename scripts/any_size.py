"""Measure how time and memory grow with the size of a picture, and how far tiles are from the whole. Needs matplotlib.

python scripts/any_size.py                    # a table, and docs/images/any_size.png
python scripts/any_size.py --largest 100      # the command line on a JPEG of 100 megapixels too: time, and its memory
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from PIL import Image
from skimage import data

import stylezoo
from stylezoo._files import replacing
from stylezoo.runtime.options import STROKE_SIZE

COMPARED = 4  # megapixels
AUTO = "stroke auto"


def picture(megapixels: float) -> Image.Image:
    """Return a square photo."""
    side = round((megapixels * 1e6) ** 0.5)
    return Image.fromarray(data.coffee()).resize((side, side), Image.Resampling.BICUBIC)


def time_of(stylizer: stylezoo.Stylizer, style: str, photo: Image.Image, rounds: int, **options: Any) -> float:
    """Return the median seconds to stylize a picture."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        stylizer.stylize(photo, style, **options)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


def exponent(sizes: list[float], seconds: list[float]) -> float:
    """Return the power of the pixels that time grows with, by least squares in logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def largest(model: str, style: str, megapixels: float) -> dict[str, float]:
    """Return what the command takes for a JPEG of that size; on Linux the peak is that of the kernel, VmHWM."""
    with tempfile.TemporaryDirectory() as folder:
        picture(megapixels).save(Path(folder) / "big.jpg", quality=90)
        command = [sys.executable, "-m", "stylezoo", "stylize", "big.jpg", "-m", model, "-s", style, "-o", "out.jpg"]
        started = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True)
        seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_gb": round(used.ru_maxrss * unit / 1e9, 2),
    }


@click.command()
@click.option("-m", "--model", default="cin/16")
@click.option("-s", "--style", default="starry_night")
@click.option("--size", "sizes", multiple=True, type=float, default=(0.25, 1, 4, 16), help="Megapixels.")
@click.option("--whole-up-to", default=4.0, help="Megapixels up to which pictures are stylized whole too.")
@click.option("--tile", default=512)
@click.option("--rounds", default=3)
@click.option("--largest", "most", type=float, help="Megapixels of a JPEG for the command line.")
@click.option("-o", "--output", default="docs/images/any_size.png", type=click.Path(path_type=Path))
def main(
    model: str,
    style: str,
    sizes: tuple[float, ...],
    whole_up_to: float,
    tile: int,
    rounds: int,
    most: float | None,
    output: Path,
) -> None:
    # First, as the peak is the most of all processes that this one has waited for.
    record: dict[str, object] = {"largest": {"megapixels": most, **largest(model, style, most)}} if most else {}
    stylizer = stylezoo.load(model, device="cpu")
    stylizer.stylize(picture(0.25), style)
    lines: dict[str, dict[float, float]] = {AUTO: {}, f"tiles of {tile} px": {}, "whole": {}}
    for size in sizes:
        photo = picture(size)
        full = {"stroke": STROKE_SIZE / photo.width}
        ways: tuple[dict[str, Any], ...] = ({}, {"tile": tile, **full}, {"tile": None, **full})
        for (label, line), options in zip(lines.items(), ways, strict=True):
            if label != "whole" or size <= whole_up_to:
                line[size] = time_of(stylizer, style, photo, rounds, **options)
                click.echo(f"{size:g} megapixels, {label}: {line[size]:.2f} s, {line[size] / size:.2f} a megapixel")
    fits = {
        label: exponent(list(line), list(line.values()))
        for label, line in lines.items()
        if len(line) > 1 and label != AUTO  # two regimes
    }
    levels = np.asarray(picture(COMPARED))
    stroke = STROKE_SIZE / levels.shape[1]
    whole, tiles = (stylizer.stylize(levels, style, tile=side, stroke=stroke).astype(int) for side in (None, tile))
    difference = np.abs(tiles - whole)
    record |= {
        "seconds": {label: {f"{size:g}": round(t, 3) for size, t in line.items()} for label, line in lines.items()},
        "exponent": {label: round(power, 3) for label, power in fits.items()},
        "tiles_from_whole": {
            "megapixels": COMPARED,
            "most_levels": int(difference.max()),
            "share_that_differs": float((difference > 0).mean()),
        },
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        "torch": torch.__version__,
        "python": platform.python_version(),
    }
    click.echo(json.dumps(record, indent=2))
    import matplotlib.pyplot as plt  # which the package itself does without

    figure, axis = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
    for label, line in lines.items():
        power = f", time ~ pixels^{fits[label]:.2f}" if label in fits else ""
        axis.loglog(list(line), list(line.values()), "o-", label=label + power)
    axis.set(xlabel="megapixels", ylabel="seconds", title=f"{model}, {torch.get_num_threads()} threads")
    axis.grid(alpha=0.3, which="both")
    axis.legend()
    with replacing(output) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


if __name__ == "__main__":
    main()

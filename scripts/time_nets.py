"""Time nets of several shapes on one picture size, in turn, as ratios to the classic net in the same run.

python scripts/time_nets.py --size 512
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import click
import torch

from stylezoo.models import create_model

SHAPES: dict[str, dict[str, Any]] = {
    "classic": {"variant": "classic"},
    "fast, width 64": {"variant": "fast", "width": 64},
    "fast, width 48": {"variant": "fast", "width": 48},
    "fast, width 32": {"variant": "fast", "width": 32},
}


@click.command()
@click.option("--size", default=512, show_default=True, help="Side of the picture in px.")
@click.option("--rounds", default=9, show_default=True, help="How often each net is timed; the median counts.")
def main(size: int, rounds: int) -> None:
    nets = {name: create_model("johnson", **args) for name, args in SHAPES.items()}
    nets = {name: net.eval().to(memory_format=torch.channels_last) for name, net in nets.items()}
    photo = torch.rand(1, 3, size, size)
    seconds: dict[str, list[float]] = {name: [] for name in nets}
    with torch.inference_mode():
        for _ in range(rounds + 1):  # the first round warms up
            for name, net in nets.items():
                start = time.perf_counter()
                net(photo)
                seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values[1:]) for name, values in seconds.items()}
    click.echo(f"{torch.get_num_threads()} threads, {size}x{size} px, median of {rounds}")
    for name, median in medians.items():
        parameters = sum(p.numel() for p in nets[name].parameters())
        ratio = medians["classic"] / median
        click.echo(
            f"{name:16} {parameters:>9,} parameters  {median * 1000:7.1f} ms  {ratio:5.1f} x the classic's speed"
        )


if __name__ == "__main__":
    main()

"""Time nets in turn, as ratios to the first of them in the same run: shapes of untrained ones, or nets by name.

    python scripts/time_nets.py --size 512
    python scripts/time_nets.py cin/16 ghiasi/lite adain/vgg19 --size 256 --size 512 --size 1024 --size 2048

A net of several styles stylizes in its first one, a net of any style in one whose code is at hand. What that code costs
is timed apart, once a size is done with.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import click
import torch
from torch import nn

from stylezoo.models import create_model
from stylezoo.stylizer.loading import load

SHAPES: dict[str, dict[str, Any]] = {
    "classic": {"variant": "classic"},
    "fast, width 64": {"variant": "fast", "width": 64},
    "fast, width 48": {"variant": "fast", "width": 48},
    "fast, width 32": {"variant": "fast", "width": 32},
}
STYLE_SIZE = 384  # px a side of a style picture


def time_in_turn(tasks: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each task over `rounds`, in each of which all have their turn."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    with torch.inference_mode():
        for _ in range(rounds + 1):  # the first round warms up
            for name, task in tasks.items():
                start = time.perf_counter()
                task()
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--size", "sizes", multiple=True, default=(512,), show_default=True, help="Side of the picture in px.")
@click.option("--rounds", default=9, show_default=True, help="How often each net is timed; the median counts.")
def main(names: tuple[str, ...], sizes: tuple[int, ...], rounds: int) -> None:
    nets: dict[str, nn.Module]
    codes: dict[str, torch.Tensor] = {}
    encodings: dict[str, Callable[[], object]] = {}
    if names:
        stylizers = {name: load(name, device="cpu", backend="torch") for name in names}
        nets = {name: stylizer.net for name, stylizer in stylizers.items()}
        style = torch.rand(3, STYLE_SIZE, STYLE_SIZE)
        for name, stylizer in stylizers.items():
            if stylizer.kind == "arbitrary":
                encodings[name] = partial(stylizer.encode_style, style)
            if stylizer.kind != "single":
                code = stylizer.encode_style(style if stylizer.kind == "arbitrary" else 0)
                codes[name] = torch.from_numpy(code.values)
    else:
        nets = {name: create_model("johnson", **args) for name, args in SHAPES.items()}
        nets = {name: net.eval().to(memory_format=torch.channels_last) for name, net in nets.items()}
    first = next(iter(nets))
    for size in sizes:
        photo = torch.rand(1, 3, size, size)
        medians = time_in_turn({name: partial(net, photo, codes.get(name)) for name, net in nets.items()}, rounds)
        click.echo(f"{torch.get_num_threads()} threads, {size}x{size} px, median of {rounds}")
        for name, median in medians.items():
            parameters = sum(p.numel() for p in nets[name].parameters())
            ratio = medians[first] / median
            click.echo(
                f"{name:16} {parameters:>9,} parameters  {median * 1000:7.1f} ms  {ratio:5.2f} x the speed of {first}"
            )
    for name, median in time_in_turn(encodings, rounds).items():
        click.echo(f"{name:16} encodes a style picture of {STYLE_SIZE}x{STYLE_SIZE} px in {median * 1000:.1f} ms")


if __name__ == "__main__":
    main()

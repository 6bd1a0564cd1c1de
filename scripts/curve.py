"""Plot how the losses of training runs fall step by step. Needs matplotlib.

python scripts/curve.py runs/cin/mosaic "a row of cin/16" runs/johnson/mosaic "a net of its own" -o curve.png
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import matplotlib.pyplot as plt


@click.command()
@click.argument("pairs", nargs=-1, required=True, metavar="RUN LABEL ...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
@click.option("--window", default=5, help="Lines of the log that a point is the mean of.")
def main(pairs: tuple[str, ...], output: Path, window: int) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharex=True)
    for run, label in zip(pairs[::2], pairs[1::2], strict=True):
        lines = [json.loads(line) for line in (Path(run) / "log.jsonl").read_text().splitlines()]
        steps = [line["step"] for line in lines]
        for axis, term in zip(axes, ("style", "content"), strict=True):
            values = [line[term] for line in lines]
            smooth = [sum(values[max(0, i - window + 1) : i + 1]) / min(i + 1, window) for i in range(len(values))]
            axis.plot(steps, smooth, label=label)
            axis.set(xlabel="steps", title=f"{term} term")
            axis.grid(alpha=0.3)
    axes[0].set(yscale="log")
    axes[0].legend()
    figure.savefig(output, dpi=110)


if __name__ == "__main__":
    main()

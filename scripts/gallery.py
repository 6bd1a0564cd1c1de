"""Draw docs/images/gallery.jpg: scikit-image's astronaut, and what each single-style net of the zoo makes of it.

python scripts/gallery.py
"""

from __future__ import annotations

from pathlib import Path

import skimage.data
from PIL import Image

import stylezoo
from stylezoo.image.io import write

OUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "gallery.jpg"
SIDE, GAP = 512, 8


def main() -> None:
    photo = Image.fromarray(skimage.data.astronaut())
    pictures = [photo] + [stylezoo.stylize(photo, name) for name in stylezoo.list_models(kind="single")]
    columns = 2
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (SIDE + GAP) - GAP, rows * (SIDE + GAP) - GAP), "white")
    for i, picture in enumerate(pictures):
        sheet.paste(picture, (i % columns * (SIDE + GAP), i // columns * (SIDE + GAP)))
    write(sheet, OUT, overwrite=True, quality=88)
    print(OUT)


if __name__ == "__main__":
    main()

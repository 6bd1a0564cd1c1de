"""The picture of a model card: a photo and its stylized images, on a page small enough for a README."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from stylezoo.data.images import sample_photos
from stylezoo.errors import DataError
from stylezoo.images.io import read, to_pil
from stylezoo.images.page import labelled_page, printable
from stylezoo.sheet import DRAWN, LARGEST, contact_sheet
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.train.recipe import packaged_recipes
from stylezoo.types import ImageLike, StyleLike

PAGE = (1000, 680)
"""px, the width and height that a page has at most, about."""

QUALITY = 88
"""The JPEG quality at which a page is kept; it then has about 200 KB at most."""

MOST = 16
"""Styles on a page."""

_LARGEST = 480  # px, of a picture on the page


def sample_page(
    stylizer: Stylizer, photo: ImageLike | None = None, *, pictures: Sequence[ImageLike] | None = None
) -> Image.Image:
    """Return a photo next to its stylized images: in the net's one style, or in the first 16 of its styles.

    For arbitrary-style nets: a row of style images, the photo in each of them, and a last row with some of the net's
    named styles.

    Args:
        photo: as `Stylizer.stylize` takes it; None: the astronaut of scikit-image.
        pictures: style images, for arbitrary-style nets; None: the mosaic that comes with stylezoo, and images of
            scikit-image if that is installed.

    Returns:
        An RGB picture with a long side of about 1,000 px, in which styles are labelled with their ids.

    Raises:
        DataError: no photo is given, and scikit-image is not installed.
        ImageError: the photo or a style picture cannot be read.
    """
    original = _shown(_default_photo() if photo is None else photo, LARGEST)
    if stylizer.kind == "arbitrary":
        return _bounded(_any_page(stylizer, original, _default_pictures() if pictures is None else pictures))
    styles = stylizer.styles[:MOST]
    count = len(styles) + 1
    columns = 2 if count == 2 else max(range(1, count + 1), key=lambda c: _room(count, c, original))
    return _bounded(contact_sheet(stylizer, original, styles, size=_room(count, columns, original), columns=columns))


def _any_page(stylizer: Stylizer, photo: Image.Image, pictures: Sequence[ImageLike]) -> Image.Image:
    columns = len(pictures) + 1
    names = stylizer.styles[:columns]
    size = _room(3 * columns if names else 2 * columns, columns, photo)

    def stylized(style: StyleLike) -> Image.Image:
        return _shown(stylizer.stylize(photo, style, size=max(size, DRAWN)), size)

    heads = [_shown(picture, size) for picture in pictures]
    cells = [None, *heads, _shown(photo, size), *map(stylized, pictures), *map(stylized, names)]
    known = [printable(Path(p).name) if isinstance(p, (str, Path)) else "Picture" for p in pictures]
    labels = ["", *known, "Photo", *[""] * len(pictures), *names]
    return labelled_page(cells, [(label, "") for label in labels], columns)


def _room(count: int, columns: int, photo: Image.Image) -> int:
    """Return the approximate long side in px of pictures in rows on a page."""
    width, height = (side / max(photo.size) for side in photo.size)
    gap, label, rows = 1 / 14, 1 / 5, -(-count // columns)  # as parts of a picture's long side
    across, down = columns * (width + gap) + 2 * gap, rows * (height + label + gap) + 2 * gap
    return max(32, min(_LARGEST, int(PAGE[0] / across), int(PAGE[1] / down)))


def _bounded(page: Image.Image) -> Image.Image:
    if max(page.size) > 1.2 * max(PAGE):  # names are never shortened, however long they are
        page.thumbnail((max(PAGE), max(PAGE)))
    return page


def _shown(picture: ImageLike, size: int) -> Image.Image:
    """Return a picture, on white where it is transparent, with a long side of `size` px at most."""
    image = to_pil(read(picture).on_white()[:1])
    image.thumbnail((size, size), Image.Resampling.LANCZOS)
    return image


def _default_photo() -> Path:
    try:
        return sample_photos()[0]
    except DataError as cause:
        raise DataError(f"give a photo to stylize: {cause}") from cause


def _default_pictures() -> list[Path]:
    mosaic = packaged_recipes() / "styles" / "mosaic.jpg"
    try:
        import skimage.data
    except ImportError:
        return [mosaic]
    folder = Path(skimage.data.__file__).parent
    return [mosaic, *(path for name in ("ihc.png", "retina.jpg", "gravel.png") if (path := folder / name).is_file())]

"""Where the pictures that a recipe names are looked for."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from stylezoo.data.folder import data_folder
from stylezoo.errors import DataError, OptionError
from stylezoo.images.color import match_stats
from stylezoo.images.io import read
from stylezoo.images.resize import resize
from stylezoo.images.sizes import fit_long_side


def find_picture(name: str) -> Path:
    """Return the path of the style picture `name`: as it stands, or in the data folder's presets/ or styles/.

    There a picture is also found by its file name alone, without the folder that `name` has it in.

    Raises:
        DataError: says where it was looked for and how to get it.
    """
    if (own := Path(name).expanduser()).is_absolute():
        if own.is_file():
            return own
        raise DataError(f"no style image at {own}: check the path, or give another with --style IMAGE")
    data = data_folder()
    places = [Path.cwd()] + ([data / "presets", data / "styles"] if data else [])
    for path in [place / own for place in places] + [place / own.name for place in places[1:]]:
        if path.is_file():
            return path
    where = ", ".join(str(p) for p in places)
    raise DataError(
        f"the style image '{name}' is in none of {where}: run stylezoo data get presets, set STYLEZOO_DATA to a folder "
        "with it in presets/, download it from the recipe's `source`, or use your own with --style IMAGE"
    )


def read_style(
    path: Path,
    size: int | None = None,
    crop: tuple[float, float, float, float] | None = None,
    whole_colors: bool = False,
) -> Tensor:
    """Return a style picture, (1, 3, H, W) in [0, 1].

    Args:
        size: long side in px after cropping: the scale at which its strokes are learnt. None keeps the picture's own.
        crop: (left, top, right, bottom) as fractions of the picture; None: all of it.
        whole_colors: bring the colours of the crop to the mean and covariance of those of the whole picture.

    Raises:
        OptionError: the crop is empty or leaves the picture.
    """
    pixels = read(path).pixels
    height, width = pixels.shape[-2:]
    if crop is not None:
        left, top, right, bottom = crop
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise OptionError(f"crop must be left, top, right, bottom as fractions of the picture, not {list(crop)}")
        whole = pixels
        pixels = pixels[..., int(top * height) : round(bottom * height), int(left * width) : round(right * width)]
        pixels = match_stats(pixels, whole) if whole_colors else pixels
        height, width = pixels.shape[-2:]
    return resize(pixels, fit_long_side(height, width, size)) if size else pixels

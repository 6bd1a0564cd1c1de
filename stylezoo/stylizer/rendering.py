"""Apply a plan to pictures: one, a batch of the same size, or the frames of a video."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from typing import Any, Literal

import numpy as np

from stylezoo.detect.kept import FindKept
from stylezoo.errors import ImageError
from stylezoo.images.io import Picture, read
from stylezoo.images.planes import Array, Floats
from stylezoo.runtime.base import NeedsTilesError, Passes, Runtime, StyleCode
from stylezoo.runtime.blend import keep_photo
from stylezoo.runtime.device import has_torch
from stylezoo.runtime.options import StylizeOptions
from stylezoo.runtime.render import render
from stylezoo.runtime.steady import Steadiness
from stylezoo.stylizer.style import Plan
from stylezoo.types import ImageLike, Keep

LARGE = 2**24  # pictures with more px are not batched

Render = Callable[[Array, Passes | None, Floats | None], Array]
"""Maps photos, (N, 3, H, W), to results; the photo stays by the masks, (N, 1, h, w) in [0, 1], if there are any."""


def prepare(
    runtime: Runtime,
    plan: Plan,
    options: StylizeOptions,
    tiling: Callable[[dict[str, Any]], Runtime],
    progress: bool = False,
) -> Render:
    """Return a function that stylizes photos by `plan`; styles that do not depend on the photo are encoded once, here.

    `tiling` returns the runtime, of the same `tuning`, for pictures that `runtime` can only compute in tiles.
    """
    images = [not isinstance(content, StyleCode) for content in plan.contents]

    def run(photos: Array, style: Any, options: StylizeOptions, passes: Passes | None, kept: Floats | None) -> Array:
        if kept is not None and len(photos) > 1:
            each = zip(photos, kept, strict=True)
            return np.concatenate([run(x[None], style, options, passes, mask[None]) for x, mask in each])
        if kept is not None and (passes or kept.any()):  # all frames of a clip take the same passes
            style = keep_photo(style, kept)
        try:
            return render(runtime, photos, style, options, passes=passes, progress=progress)
        except NeedsTilesError:
            if not has_torch():
                raise
            return render(tiling(runtime.tuning), photos, style, options, passes=passes, progress=progress)

    if options.preserve_color != "stats" or not any(images):
        style = plan.encode(runtime)
        return lambda photos, passes, kept: run(photos, style, options, passes, kept)
    after = options.changed(preserve_color=False) if all(images) else options

    def each(photos: Array, passes: Passes | None, kept: Floats | None) -> Array:
        masks = [None] * len(photos) if kept is None else np.split(kept, len(kept))
        parts = zip(np.split(photos, len(photos)), masks, strict=True)
        return np.concatenate([run(part, plan.encode(runtime, part), after, passes, mask) for part, mask in parts])

    return each


def read_each(images: Iterable[ImageLike], keep: Keep, errors: Literal["raise", "skip"]) -> Iterator[Picture | None]:
    """Yield the pictures; with `errors` "skip", None for one that cannot be read."""
    for number, image in enumerate(images):
        try:
            picture = read(image, metadata=keep)
        except ImageError as cause:
            if errors == "raise":
                raise ImageError(f"picture {number} of the batch: {cause}") from cause
            warnings.warn(f"picture {number} of the batch was skipped: {cause}", UserWarning, stacklevel=3)
            yield None
        else:
            yield picture


def in_batches(
    pictures: Iterable[Picture | None], plan: Plan, run: Render, keep: FindKept | None, batch_size: int
) -> Iterator[Any]:
    """Yield the results in order; consecutive pictures of the same size are batched, at most `batch_size`."""

    def kind(picture: Picture | None) -> Any:
        return ((), None) if picture is None else (picture.levels.shape, picture.levels.dtype)

    for (shape, _), group in groupby(pictures, key=kind):
        if not shape:
            yield from group
            continue
        found = (picture for picture in group if picture is not None)
        while batch := list(islice(found, batch_size if shape[-2] * shape[-1] <= LARGE else 1)):
            plan.check(batch[0])
            counts = [len(picture.levels) for picture in batch]
            kept = np.concatenate([keep(picture.seen, picture.name) for picture in batch]) if keep else None
            results = run(np.concatenate([picture.seen for picture in batch]), None, kept)
            for picture, pixels in zip(batch, np.split(results, np.cumsum(counts)[:-1]), strict=True):
                yield picture.restore(pixels)


class Plans:
    """The plans for frames whose style or mask may change; a plan is reused while both are the same objects.

    Args:
        style, mask: see `Stylizer.stylize_frames`.
        read_plan: returns the plan for a style and a mask.
    """

    def __init__(self, style: Any, mask: Any, first: int, read_plan: Callable[[Any, Any], Plan]) -> None:
        self.style, self.mask, self._read = style, mask, read_plan
        self._now: tuple[Any, Any] | None = None
        self._start: Plan | None = None
        if not (callable(style) or callable(mask)):
            self._start = self.changed(first)  # raise errors early

    def changed(self, number: int) -> Plan | None:
        """Return the plan of a frame if it differs from that of the previous frame, else None."""
        if (start := self._start) is not None:
            self._start = None
            return start
        style = self.style(number) if callable(self.style) else self.style
        mask = self.mask(number) if callable(self.mask) else self.mask
        before, self._now = self._now, (style, mask)
        if before is not None and before[0] is style and before[1] is mask:
            return None
        return self._read(style, mask)


def in_frames(
    pictures: Iterable[Picture],
    plans: Plans,
    prepare: Callable[[Plan], Render],
    keep: FindKept | None,
    memory: Steadiness,
    first: int,
) -> Iterator[Any]:
    """Yield the results of frames in order; `memory` carries the statistics and masks from frame to frame."""
    for number, picture in enumerate(pictures, first):
        if (changed := plans.changed(number)) is not None:
            plan, run = changed, prepare(changed)
        plan.check(picture)
        passes = memory.frame(picture.seen)
        kept = memory.smooth(keep(picture.seen, "")) if keep else None
        yield picture.restore(run(picture.seen, passes, kept))

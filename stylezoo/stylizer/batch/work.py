"""`Work`: what to do to every picture, in a form that can be pickled; and `Worker`, which does it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from stylezoo.errors import ImageError, out_of_memory
from stylezoo.stylizer.batch.job import Job
from stylezoo.stylizer.batch.streams import check_fits, open_stdin, put
from stylezoo.types import PathLike, StyleLike

if TYPE_CHECKING:
    from PIL.Image import Image

    from stylezoo.stylizer.stylizer import Stylizer


@dataclass(frozen=True)
class Work:
    """A model and how to stylize with it.

    Attributes:
        model: the name or path for `stylezoo.load`.
        styles: label -> style. Pass codes (`Stylizer.encode_style`) to encode each style only once.
        options: options of `Stylizer.stylize`.
        loading: further arguments of `stylezoo.load`, such as device.
        cards: style card files to add to the model.
        quality: quality of JPEG, WebP and AVIF files, 1 to 100.
        overwrite: overwrite existing files.
        callback: returns the `callback` of `stylize` for a job, for models that optimise each picture; must be a
            module-level function.
    """

    model: PathLike
    styles: Mapping[str, StyleLike] = field(default_factory=lambda: {"": None})
    options: Mapping[str, Any] = field(default_factory=dict)
    loading: Mapping[str, Any] = field(default_factory=dict)
    cards: Sequence[PathLike] = ()
    quality: int = 92
    overwrite: bool = False
    callback: Callable[[Job], Callable[..., None]] | None = None

    def load(self) -> Stylizer:
        """Return the model with its cards."""
        from stylezoo.stylizer.loading import load

        stylizer = load(self.model, **self.loading)
        for card in self.cards:
            stylizer.add_card(card)
        return stylizer

    def worker(self, stylizer: Stylizer | None = None) -> Worker:
        """Return a worker; pass `stylizer` if the model is already loaded."""
        return Worker(self, stylizer or self.load())

    def to_send(self) -> Self:
        """Return a copy for another process: no progress bar, and allowed to overwrite what a dead worker left."""
        options = {name: value for name, value in self.options.items() if name != "progress"}
        return replace(self, options=options, overwrite=True)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a job.

    Attributes:
        width, height: size of the result in px.
        seconds: time from reading the picture to writing the result.
        error: why the job failed; empty on success.
        warnings: warnings raised in other processes.
    """

    job: Job
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    error: str = ""
    warnings: tuple[str, ...] = ()


class Worker:
    """Does jobs with one model. A picture that cannot be read, stylized or written gives an outcome with an error."""

    def __init__(self, work: Work, stylizer: Stylizer) -> None:
        self.work, self.stylizer = work, stylizer
        self._stdin: Image | None = None

    def __call__(self, job: Job) -> Outcome:
        work, started = self.work, time.perf_counter()
        options = dict(work.options)
        if work.callback:
            options["callback"] = work.callback(job)
        style: Any = work.styles[job.label]
        try:
            photo = job.source or self._read_stdin()
            check_fits(job, photo, options.get("size"))
            picture = self.stylizer.stylize(photo, style, **options)
            put(picture, job, quality=work.quality, force=work.overwrite)
        except ImageError as error:
            return Outcome(job, error=str(error))
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            return Outcome(job, error=f"{job.input}: not enough memory: try a smaller --size, or fewer --workers")
        return Outcome(job, picture.width, picture.height, time.perf_counter() - started)

    def quietly(self, job: Job) -> Outcome:
        """Do a job and collect its warnings in the outcome, for worker processes."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            outcome = self(job)
        return replace(outcome, warnings=tuple(str(warning.message) for warning in caught))

    def _read_stdin(self) -> Image:
        self._stdin = self._stdin or open_stdin()  # several styles may need it
        return self._stdin

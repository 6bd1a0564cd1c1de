"""The models of the page, their styles and thumbnails."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from stylezoo.demo.pictures import Previews
from stylezoo.demo.requests import KEEPS, Mix, Request
from stylezoo.demo.settings import Settings, find_models
from stylezoo.detect.kept import keeper
from stylezoo.errors import OptionError, StyleError
from stylezoo.images.page import labelled_page, printable
from stylezoo.runtime.base import StyleCode
from stylezoo.runtime.options import StylizeOptions
from stylezoo.stylizer.engine import pick_device
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.types import StyleLike
from stylezoo.zoo.spec import ModelSpec, StyleSpec
from stylezoo.zoo.store import BUNDLED

OWN = "own"
"""The id of a visitor's style image."""

THUMBNAIL = 208  # px a side
PAINTED = 320  # px at which a thumbnail is stylized, so that strokes look as in a photo
SHEET, SHEET_PAINTED = 320, 512
OWN_SIZE = 384  # px at which a visitor's style image is encoded
CODES = 32
SAMPLES = ("chelsea.png", "coffee.png", "rocket.jpg")


@dataclass(frozen=True)
class Card:
    """A style on the page: its id, its model and its record."""

    id: str
    model: str
    style: StyleSpec

    @property
    def by(self) -> str:
        """The artist and the year."""
        return ", ".join(filter(None, (self.style.artist, self.style.year)))


@dataclass(frozen=True)
class PageModel:
    """A multi-style model, or several single-style models, as one choice on the page."""

    name: str
    note: str
    cards: tuple[Card, ...]
    takes_pictures: bool = False

    @property
    def blends(self) -> bool:
        """Whether its styles can be mixed, which needs a single net."""
        return len({card.model for card in self.cards}) == 1 and (len(self.cards) > 1 or self.takes_pictures)


class Studio:
    """Stylizes for the page. Models are loaded on first use, and each stylizes one picture at a time.

    Raises:
        ModelNotFoundError, OptionError: see `find_models`.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        pick_device(settings.device)  # raise its error now, not for each visitor
        self.previews = Previews(settings)
        self.models = {p.name: p for p in _page_models(find_models(settings.models))}
        self._nets: dict[str, Stylizer] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._codes: OrderedDict[tuple[str, Path], StyleCode] = OrderedDict()
        self._lock = threading.Lock()

    @cached_property
    def samples(self) -> list[Path]:
        """Sample photos: the bundled one, and those of scikit-image if installed."""
        found = find_spec("skimage")
        places = found.submodule_search_locations if found else None
        more = [Path(place) / "data" / name for place in places or () for name in SAMPLES]
        return [BUNDLED / "astronaut.jpg", *(path for path in more if path.is_file())]

    @cached_property
    def keeps(self) -> list[str]:
        """The names in `KEEPS` whose detector is installed."""
        found = []
        for name, options in KEEPS.items():
            with suppress(OptionError):
                keeper(StylizeOptions(**options))
                found.append(name)
        return found

    @cached_property
    def sample(self) -> Image.Image:
        """A square photo for thumbnails."""
        return square(self.previews.get(self.samples[0]), PAINTED)

    def model(self, name: str) -> PageModel:
        """Return the model with this name on the page; raise OptionError if there is none."""
        if name not in self.models:
            raise OptionError(f"This page has no such model: choose {', '.join(self.models)}.")
        return self.models[name]

    def stylize(self, photo: Image.Image, request: Request, own: Path | None = None) -> Image.Image:
        """Return the photo stylized by a request, at the photo's size; `own` is the image of the style OWN."""
        shown = self.model(request.model)
        model, style = self._style(shown, request.mix, own)
        mask = None
        if request.regions:
            mask = []
            for region in request.regions:
                other, there = self._style(shown, region.mix, own)
                if other != model:
                    raise StyleError("These styles are from different models: for brushes choose a multi-style model.")
                mask.append((there, region.mask.convert("L").resize(_upright_size(photo), Image.Resampling.BILINEAR)))
        colours: Any = False if request.colours == "style" else request.colours
        options = {"strength": request.strength, "stroke": request.stroke, "preserve_color": colours, "mask": mask}
        for name in request.keeps:
            options |= KEEPS[name]
        net, lock = self._net(model)
        with lock:
            stylized: Image.Image = net.stylize(photo, style if request.rest else None, **options)
        return stylized

    def thumbnails(self, model: PageModel, photo: Image.Image | None = None) -> Iterator[Image.Image]:
        """Yield a square thumbnail of each style of a model, of `photo` or a sample photo."""
        photo = self.sample if photo is None else square(photo, PAINTED)
        for card in model.cards:
            stylized = self.stylize(photo, Request(model.name, ((card.id, 1.0),))).convert("RGB")
            yield stylized.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)

    def sheet(self, photo: Image.Image, request: Request) -> Image.Image:
        """Return a sheet with a photo in all styles of a model, with the strength and colours of a request."""
        model = self.model(request.model)
        seen = _fitted(photo, SHEET_PAINTED)
        pictures = [seen]
        for card in model.cards:
            way = replace(request, model=model.name, mix=((card.id, 1.0),), regions=(), rest=True)
            pictures.append(self.stylize(seen, way))
        titles = [("Photo", ""), *((printable(c.style.title), printable(c.by)) for c in model.cards)]
        return labelled_page([_fitted(_on_white(p), SHEET) for p in pictures], titles)

    def copy_of(self, model: str) -> Stylizer:
        """Load another instance of a model, for requests that must not wait for large pictures."""
        return load(model, device=self.settings.device)

    def _net(self, model: str) -> tuple[Stylizer, threading.Lock]:
        with self._lock:
            if model not in self._nets:
                self._nets[model] = load(model, device=self.settings.device)
                self._locks[model] = threading.Lock()
            return self._nets[model], self._locks[model]

    def _style(self, shown: PageModel, mix: Mix, own: Path | None) -> tuple[str, StyleLike]:
        """Return the name of the model for a mix, and the mix as its style."""
        cards = {card.id: card for card in shown.cards}
        parts: list[tuple[Any, float]] = []
        models = set()
        for name, weight in mix:
            if name == OWN and shown.takes_pictures:
                if own is None:
                    raise StyleError("Your style image is no longer available: choose it again.")
                model = shown.name
                parts.append((self._code(model, own), weight))
            elif name in cards:
                model = cards[name].model
                parts.append((cards[name].style.id, weight))
            else:
                raise StyleError(f"{shown.name} has no such style: choose one of its pictures.")
            models.add(model)
        if len(models) > 1:
            raise StyleError("These styles are from different models and cannot be blended: choose another model.")
        return models.pop(), parts

    def _code(self, model: str, picture: Path) -> StyleCode:
        key = model, picture
        with self._lock:
            if code := self._codes.get(key):
                return code
        net, lock = self._net(model)
        seen = self.previews.get(picture)
        with lock:
            code = net.encode_style(_on_white(seen), style_size=OWN_SIZE)
        with self._lock:
            self._codes[key] = code
            while len(self._codes) > CODES:
                self._codes.popitem(last=False)
        return code


def _page_models(specs: Sequence[ModelSpec]) -> Iterator[PageModel]:
    """Yield each multi-style model, and all single-style models as one, in order."""
    singles = [spec for spec in specs if spec.kind == "single"]
    for spec in specs:
        if spec.kind != "single":
            cards = tuple(Card(style.id, spec.name, style) for style in spec.styles)
            yield PageModel(spec.name, spec.summary, cards, takes_pictures=spec.kind == "arbitrary")
        elif len(singles) == 1:
            yield PageModel(spec.name, spec.summary, (Card(spec.style_ids[0], spec.name, spec.styles[0]),))
        elif spec is singles[0]:
            ids = [single.style_ids[0] for single in singles]
            names = [i if ids.count(i) == 1 else single.name for i, single in zip(ids, singles, strict=True)]
            group = tuple(Card(n, single.name, single.styles[0]) for n, single in zip(names, singles, strict=True))
            yield PageModel(spec.family, "A net for each style", group)


def _upright_size(photo: Image.Image) -> tuple[int, int]:
    turned = photo.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    return (photo.height, photo.width) if turned else photo.size


def square(photo: Image.Image, side: int) -> Image.Image:
    """Return the central square of a photo, over white."""
    least = min(photo.size)
    left, top = (photo.width - least) // 2, (photo.height - least) // 4  # faces are usually above the middle
    return _on_white(photo).crop((left, top, left + least, top + least)).resize((side, side), Image.Resampling.LANCZOS)


def _fitted(photo: Image.Image, size: int) -> Image.Image:
    scale = size / max(photo.size)
    return photo.resize((max(1, round(photo.width * scale)), max(1, round(photo.height * scale))))


def _on_white(photo: Image.Image) -> Image.Image:
    if photo.mode != "RGBA":
        return photo.convert("RGB")
    white = Image.new("RGBA", photo.size, "white")
    return Image.alpha_composite(white, photo).convert("RGB")

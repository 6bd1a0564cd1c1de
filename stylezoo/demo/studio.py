"""The models of the page, their styles and thumbnails."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from stylezoo.demo.pictures import Previews, open_picture
from stylezoo.demo.requests import EXTRAS, PARTS, Mix, Request
from stylezoo.demo.settings import VARIANTS, Settings, find_models, rank
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

MAPS_NEED = "Maps are for a painting of your own, alone and without brushes: choose it, or remove the maps."
THUMBNAIL = 208  # px a side
PAINTED = 320  # px at which a thumbnail is stylized, so that strokes look as in a photo
SHEET, SHEET_PAINTED = 320, 512
OWN_SIZE = 384  # px at which a visitor's style image is encoded
CODES = 32
OPENING = "composition_vii"  # the first style on the page, where a model has it
SAMPLES = ("chelsea.png", "coffee.png", "rocket.jpg")


class Studio:
    """Stylizes for the page. Models are loaded on first use, and each stylizes one picture at a time.

    Raises:
        ModelNotFoundError, OptionError: see `find_models`.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        pick_device(settings.device)  # raise its error now, not for each visitor
        self.previews = Previews(settings)
        specs = find_models(settings.models)
        self.ranks: dict[str, list[ModelSpec]] = {q: rank(specs, q) for q in VARIANTS}
        styles = sorted((s for spec in specs for s in spec.styles), key=lambda s: s.id != OPENING)
        self.styles = {style.id: style for style in styles}
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
    def extras(self) -> list[str]:
        """The names in `EXTRAS` that work here, as the detector is installed."""
        return [name for name, options in EXTRAS.items() if _works(options)]

    @cached_property
    def parts(self) -> list[str]:
        """The names in `PARTS` that work here, likewise."""
        return [name for name, options in PARTS.items() if _works(options)]

    @cached_property
    def sample(self) -> Image.Image:
        """A square photo for thumbnails."""
        return square(self.previews.get(self.samples[0]), PAINTED)

    @property
    def takes_pictures(self) -> bool:
        """Whether a visitor's picture can be a style."""
        return any(spec.kind == "arbitrary" for spec in self.ranks["quick"])

    @property
    def qualities(self) -> list[str]:
        """The values of `Request.quality` that make a difference."""
        differ = any(self.model_of({i}, "quick") != self.model_of({i}, "fine") for i in self.styles)
        return ["quick", "fine"] if differ else ["quick"]

    def nets(self) -> list[list[str]]:
        """Return the ids of the styles of each model: those that can be used together."""
        return [[*spec.style_ids, *([OWN] if spec.kind == "arbitrary" else [])] for spec in self.ranks["quick"]]

    def model_of(self, ids: AbstractSet[str], quality: str) -> str:
        """Return the name of the best model that has all these styles.

        Raises:
            StyleError: there is none.
        """
        for spec in self.ranks[quality]:
            if ids <= {*spec.style_ids, OWN} and (OWN not in ids or spec.kind == "arbitrary"):
                return spec.name
        if strange := sorted(ids - {*self.styles, *([OWN] if self.takes_pictures else [])}):
            raise StyleError(f"There is no such style: {strange[0]!r:.60}. Choose one of the pictures.")
        raise StyleError("No model has all of these styles: choose fewer.")

    def stylize(
        self, photo: Image.Image, request: Request, own: Path | None = None, maps: tuple[Path, Path] | None = None
    ) -> Image.Image:
        """Return the photo stylized by a request, at the photo's size.

        Args:
            own: the image of the style OWN.
            maps: of the photo and of `own`, see `Stylizer.stylize`.

        Raises:
            StyleError, OptionError: there is no such style, or maps for another one.
        """
        model = self.model_of(request.styles, request.quality)
        if maps:
            style, guides = self._guided(request, own, maps)
        else:
            style, guides = self._style(model, request.mix, own) if request.rest else None, {}
        mask = None
        if request.regions:
            size = _upright_size(photo)
            mask = [
                (self._style(model, r.mix, own), r.mask.convert("L").resize(size, Image.Resampling.BILINEAR))
                for r in request.regions
            ]
        colours: Any = False if request.colours == "style" else request.colours
        options = {"strength": request.strength, "stroke": request.stroke, "preserve_color": colours, "mask": mask}
        options |= PARTS[request.part] | guides
        for name in request.extras:
            options |= EXTRAS[name]
        net, lock = self._net(model)
        with lock:
            stylized: Image.Image = net.stylize(photo, style, **options)
        return stylized

    def thumbnail(self, name: str, photo: Image.Image | None = None) -> Image.Image:
        """Return a small square of `photo`, or of a sample photo, in a style."""
        photo = self.sample if photo is None else square(photo, PAINTED)
        stylized = self.stylize(photo, Request("quick", ((name, 1.0),))).convert("RGB")
        return stylized.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)

    def sheet(self, photo: Image.Image, request: Request) -> Image.Image:
        """Return a sheet with a photo in all styles, with the quality, strength and colours of a request."""
        seen = _fitted(photo, SHEET_PAINTED)
        pictures, titles = [seen], [("Photo", "")]
        for name, style in self.styles.items():
            way = replace(request, mix=((name, 1.0),), regions=(), rest=True)
            pictures.append(self.stylize(seen, way))
            titles.append((printable(style.title), printable(made_by(style))))
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

    def _style(self, model: str, mix: Mix, own: Path | None) -> StyleLike:
        parts: list[tuple[Any, float]] = []
        for name, weight in mix:
            if name == OWN and own is None:
                raise StyleError("Your style image is no longer available: choose it again.")
            parts.append((self._code(model, own) if name == OWN and own else name, weight))
        return parts

    def _guided(self, request: Request, own: Path | None, maps: tuple[Path, Path]) -> tuple[StyleLike, dict[str, Any]]:
        """Return a visitor's style image and its maps, as a style and options."""
        if request.regions or own is None or {name for name, _ in request.mix} != {OWN}:
            raise OptionError(MAPS_NEED)
        content, guide = (open_picture(path, self.settings) for path in maps)
        return _on_white(self.previews.get(own)), {"content_map": content, "style_map": guide, "style_size": OWN_SIZE}

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


def _works(options: dict[str, Any]) -> bool:
    try:
        keeper(StylizeOptions(**options))
    except OptionError:
        return False
    return True


def made_by(style: StyleSpec) -> str:
    """Return the artist and the year of a style, without how the artist made it (what follows a comma)."""
    artist, _, _ = (style.artist or "").partition(",")
    return ", ".join(filter(None, (artist, style.year)))


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

"""The page: its layout and its event handlers."""

from __future__ import annotations

import re
import secrets
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.data_classes import FileData
from PIL import Image

from stylezoo.demo.live import SIDE, Live
from stylezoo.demo.parts import TITLE, Page, make_part, make_upload
from stylezoo.demo.pictures import data_url, open_picture
from stylezoo.demo.requests import MOST_STYLES, Request, read_request
from stylezoo.demo.settings import Settings
from stylezoo.demo.studio import OWN, Studio, made_by, square
from stylezoo.errors import OptionError, StyleZooError, out_of_memory
from stylezoo.images.io import write

T = TypeVar("T")

HEAD = """<header class="sz-head"><h1>stylezoo</h1>
<p>Your photo in the style of a painting</p></header>"""
DROP = "Choose or drop a photo"
YOURS = "Your painting"
QUALITIES = {"quick": "Quick", "fine": "Fine"}
STROKES: list[tuple[str, str | float]] = [("Automatic", "auto"), ("Small", 0.5), ("Medium", 1), ("Large", 2)]
COLOURS = [("Of the painting", "style"), ("Of the photo", "luma"), ("Near the photo's", "stats")]
PARTS = {"everything": "Everything", "subject": "Only the subject", "background": "Only the background"}
EXTRAS = {"face": "Keep faces", "tile": "Tile without a seam"}
MAPS = """<p class="sz-hint">Two maps in flat colours, the same in both, say which part of a painting of your own goes
where in the photo.</p>"""
ONE_MAP = "Add the other map too"
JPEG_QUALITY = 95
SET_REQUEST = "(strength, colours) => { (window.stylezoo ??= {}).request = { strength, colours }; return []; }"


def build_page(settings: Settings) -> gr.Blocks:
    """Return the page, ready for `launch`.

    Raises:
        ModelNotFoundError, OptionError: there is no such model, or it is too slow for the page.
    """
    return _Page(settings).blocks


@contextmanager
def _on_the_page() -> Iterator[None]:
    """Turn errors into messages on the page."""
    try:
        yield
    except gr.Error:
        raise
    except StyleZooError as error:
        raise gr.Error(escape(str(error)), title=TITLE, print_exception=False) from error
    except Exception as error:
        text = "Out of memory: try a smaller picture."
        if not out_of_memory(error):
            text = "Internal error: the picture was not stylized."
            print(f"stylezoo: {type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        raise gr.Error(text, title=TITLE, print_exception=False) from error


def _reported(function: Callable[..., T]) -> Callable[..., T]:
    @wraps(function)
    def call(*values: Any) -> T:
        with _on_the_page():
            return function(*values)

    return call


@dataclass(frozen=True)
class _Show:
    """The picture, and what is done with it."""

    stage: gr.HTML
    brush: gr.HTML
    png: gr.Button
    jpeg: gr.Button
    sheet: gr.Button
    saver: gr.HTML


@dataclass(frozen=True)
class _Desk:
    """What the picture is made of."""

    upload: gr.Image
    photo: gr.Image
    samples: gr.HTML
    palette: gr.HTML
    everything: gr.Button
    own: gr.Image
    quality: gr.Radio
    strength: gr.Slider
    stroke: gr.Radio
    colours: gr.Radio
    part: gr.Radio
    extras: gr.CheckboxGroup
    maps: tuple[gr.Image, gr.Image]


def _both(maps: list[Path]) -> tuple[Path, Path] | None:
    return (maps[0], maps[1]) if len(maps) == 2 else None


class _Page:
    def __init__(self, settings: Settings) -> None:
        self.settings, self.studio = settings, Studio(settings)
        self.live = Live(self.studio)
        self._pictures: list[str] = []
        self._filling = threading.Lock()
        self._lay_out()

    def _lay_out(self) -> None:
        with Page(title="stylezoo", analytics_enabled=False, delete_cache=(600, 3600), fill_width=True) as self.blocks:
            gr.HTML(HEAD, apply_default_css=False)
            with gr.Row(elem_id="sz-room", equal_height=False):
                with gr.Column(scale=6, min_width=320, elem_id="sz-show"), gr.Tabs():
                    show = self._make_show()
                with gr.Column(scale=5, min_width=320, elem_id="sz-desk"):
                    desk = self._make_desk()
            self._connect(show, desk)

    def _make_show(self) -> _Show:
        """Create the outputs; they show a sample at once."""
        with gr.Tab("Photo"):
            stage = make_part("stage", self.stylize(self.sample(0), "quick", self._opening()))
            brush = make_part("brush")
            with gr.Row(elem_id="sz-saving"):
                png = gr.Button("Save PNG", variant="primary", elem_id="sz-png", min_width=80)
                jpeg = gr.Button("Save JPEG", elem_id="sz-jpeg", min_width=80)
                sheet = gr.Button("Contact sheet", elem_id="sz-sheet", min_width=100)
            saver = make_part("saver")
        with gr.Tab("Live camera"):
            make_part("live", side=SIDE, server_functions=[self._frame()])
        return _Show(stage, brush, png, jpeg, sheet, saver)

    def _make_desk(self) -> _Desk:
        """Create the inputs: the photo, the styles and their options."""
        photos = [(p.stem, self.studio.previews.get(p)) for p in self.studio.samples]
        tried = [{"name": name, "src": data_url(square(photo, 96))} for name, photo in photos]
        sources: list[Any] = ["upload", "webcam", "clipboard"]
        with gr.Row(elem_id="sz-choose"):
            upload = make_upload("sz-upload", sources=sources, label="Your photo", height=88, placeholder=DROP)
            samples = make_part("samples", photos=tried)
        photo = make_upload("sz-photo", value=self.sample(0), visible="hidden")
        shown = [{"id": s.id, "title": s.title, "by": made_by(s)} for s in self.studio.styles.values()]
        props = {"cards": shown, "nets": self.studio.nets(), "most": MOST_STYLES, "pictures": [], "own": None}
        palette = make_part("palette", self._opening(), **props)
        everything = gr.Button("Show my photo in every style", size="sm", elem_id="sz-everything")
        with gr.Accordion("A painting of your own as the style", open=False, visible=self.studio.takes_pictures):
            label = "The painting whose style is taken"
            own = make_upload(
                "sz-own",
                label=label,
                height=170,
                alt_text=label,
                placeholder="Drop a painting here, or click to choose one",
            )
        with gr.Row(elem_id="sz-fine"):
            choices = [(QUALITIES[name], name) for name in self.studio.qualities]
            quality = gr.Radio(choices, value="quick", label="Quality", visible=len(choices) > 1, elem_id="sz-quality")
            strength = gr.Slider(0, 2, 1, step=0.05, label="Strength", min_width=220, elem_id="sz-strength")
            stroke = gr.Radio(STROKES, value="auto", label="Strokes", min_width=420, elem_id="sz-stroke")
            colours = gr.Radio(COLOURS, value="style", label="Colours", min_width=420, elem_id="sz-colours")
        fine = quality, strength, stroke, colours
        return _Desk(upload, photo, samples, palette, everything, own, *fine, *self._make_more())

    def _make_more(self) -> tuple[gr.Radio, gr.CheckboxGroup, tuple[gr.Image, gr.Image]]:
        """Create the inputs that few need."""
        with gr.Accordion("More", open=False, elem_id="sz-more"):
            parts = [(PARTS[name], name) for name in self.studio.parts]
            first = parts[0][1]
            part = gr.Radio(parts, value=first, label="Stylize", visible=len(parts) > 1, elem_id="sz-part")
            extras = [(EXTRAS[name], name) for name in self.studio.extras]
            more = gr.CheckboxGroup(extras, label="Also", elem_id="sz-extras")
            with gr.Column(visible=self.studio.takes_pictures):
                gr.HTML(MAPS, apply_default_css=False)
                with gr.Row(elem_id="sz-maps"):
                    content, style = (self._make_map(name) for name in ("photo", "painting"))
        return part, more, (content, style)

    def _make_map(self, name: str) -> gr.Image:
        label = f"Map of the {name}"
        look: dict[str, Any] = {"height": 120, "min_width": 120, "alt_text": label, "placeholder": label}
        return make_upload(f"sz-map-{name}", label=label, sources=["upload", "clipboard"], **look)

    def _opening(self) -> dict[str, Any]:
        return {"mix": [[next(iter(self.studio.styles), OWN), 1.0]]}

    def _connect(self, show: _Show, desk: _Desk) -> None:
        """Connect the event handlers."""
        request = [desk.photo, desk.quality, desk.palette, desk.strength, desk.stroke, desk.colours, show.brush]
        request += [desk.extras, desk.part, desk.own, *desk.maps]
        look: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "look", "api_visibility": "private"}
        work: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "stylize"}
        hidden: dict[str, Any] = {"show_progress": "hidden", **look}
        stylize: dict[str, Any] = {"fn": _reported(self.stylize), "inputs": request, "outputs": show.stage, **work}
        stylize["show_progress"] = "full"  # with the place in the queue
        then: dict[str, Any] = {**stylize, "api_visibility": "private"}
        hung = [desk.photo, desk.upload, show.stage, show.brush]
        hanging = desk.upload.input(_reported(self.hang), desk.upload, hung, **hidden)
        hanging.success(**then)
        hanging.failure(lambda: None, None, desk.upload, **hidden)
        desk.samples.input(_reported(self.hang_sample), desk.samples, hung, **hidden).success(**then)
        taking = desk.own.input(_reported(self.take), desk.own, desk.palette, **look)
        taking.success(**then)
        taking.failure(lambda: None, None, desk.own, **look)
        parts = (desk.palette, desk.quality, desk.stroke, desk.colours, desk.extras, desk.part, *desk.maps, show.brush)
        touched = [part.input for part in parts] + [desk.strength.release]
        gr.on(touched, **stylize, trigger_mode="always_last", api_name="stylize")
        every: dict[str, Any] = {"show_progress": "hidden", **work, "api_visibility": "private"}
        desk.everything.click(self.everything, desk.photo, desk.palette, **every)
        for button, kind in ((show.png, "png"), (show.jpeg, "jpg")):
            button.click(_reported(self._saves(kind)), request, show.saver, **work, api_name=f"save_{kind}")
        show.sheet.click(_reported(self.sheet), request, show.saver, **work, api_name="sheet")
        gr.on([desk.strength.change, desk.colours.change], None, [desk.strength, desk.colours], None, js=SET_REQUEST)
        self.blocks.load(self.fill, None, desk.palette, **hidden)

    def sample(self, number: Any) -> str:
        """Return the path of a sample photo, in a folder that gradio may serve."""
        if not (isinstance(number, int) and 0 <= number < len(self.studio.samples)):
            raise OptionError("There is no such photo.")
        path = self.studio.samples[number]
        copy = Path(self.blocks.GRADIO_CACHE) / "samples" / path.name
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        return str(copy)

    def hang(self, photo: str | None) -> tuple[Any, ...]:
        """Make an upload the photo, and show it."""
        if not photo:
            return (gr.skip(),) * 4
        return photo, None, {"photo": data_url(self.studio.previews.get(Path(photo)))}, None

    def hang_sample(self, number: Any) -> tuple[Any, ...]:
        """Make a sample the photo, and show it."""
        return self.hang(self.sample(number))

    def stylize(self, *values: Any) -> dict[str, Any]:
        """Return the photo and its stylized image at screen size."""
        photo, request, own, maps = self._read(values)
        seen = self.studio.previews.get(photo)
        stylized = self.studio.stylize(seen, request, own, _both(maps))
        said = self._caption(request)
        if len(maps) == 1:
            said["note"] = ONE_MAP
        return {"photo": data_url(seen), "stylized": data_url(stylized), **said}

    def _saves(self, suffix: str) -> Callable[..., Any]:
        def save(*values: Any) -> dict[str, Any]:
            photo, request, own, maps = self._read(values)
            stylized = self.studio.stylize(open_picture(photo, self.settings), request, own, _both(maps))
            return self._file(stylized, f"{photo.stem}_{'_'.join(name for name, _ in request.mix)}", suffix)

        return save

    def sheet(self, *values: Any) -> dict[str, Any]:
        """Return the file of a sheet with the photo in all styles."""
        photo, request, _, _ = self._read(values)
        page = self.studio.sheet(self.studio.previews.get(photo), request)
        return self._file(page, f"{photo.stem}_styles", "jpg")

    def take(self, own: str | None) -> Any:
        """Add a visitor's style image to the styles, and choose it; or remove it."""
        if not own:
            return gr.update(value=self._opening(), own=None)
        picture = data_url(self.studio.previews.get(Path(own), 320), 84)
        return gr.update(value={"mix": [[OWN, 1.0]]}, own={"id": OWN, "title": YOURS, "by": "", "src": picture})

    def fill(self) -> Iterator[Any]:
        """Yield the thumbnails of the palette as they are stylized, once for all visitors."""
        with _on_the_page():
            while True:
                with self._filling:  # a second visitor finds them done; nothing is locked while a visitor is awaited
                    self._pictures += self._some_thumbnails(len(self._pictures))
                yield gr.update(pictures=[*self._pictures])
                if len(self._pictures) == len(self.studio.styles):
                    return

    def everything(self, photo: str | None) -> Iterator[Any]:
        """Yield the thumbnails of the visitor's photo, as they are stylized."""
        with _on_the_page():
            if not photo:
                raise OptionError("Choose a photo first.")
            seen, done = self.studio.previews.get(Path(photo)), list[str]()
            while len(done) < len(self.studio.styles):
                done += self._some_thumbnails(len(done), seen)
                yield gr.update(pictures=[*done, *self._pictures[len(done) :]])

    def _some_thumbnails(self, first: int, photo: Image.Image | None = None) -> list[str]:
        """Return the thumbnails of up to four styles."""
        names = list(self.studio.styles)[first : first + 4]
        return [data_url(self.studio.thumbnail(name, photo), 84) for name in names]

    def _frame(self) -> Callable[[Any], dict[str, str]]:
        def frame(value: Any) -> dict[str, str]:
            try:
                return {"image": self.live.stylize(value)}
            except StyleZooError as error:
                return {"error": str(error)}

        return frame

    def _read(self, values: tuple[Any, ...]) -> tuple[Path, Request, Path | None, list[Path]]:
        """Return the photo, what is wanted, the visitor's painting, and the maps: two, one or none."""
        photo, *how = values
        own, *maps = (Path(file) if file else None for file in (*how[8:], None)[:3])
        if not photo:
            raise OptionError("Choose a photo first.")
        return Path(photo), read_request(*how[:8], settings=self.settings), own, [path for path in maps if path]

    def _caption(self, request: Request) -> dict[str, str]:
        """Return the title of a stylized image, and whom its style is by."""
        styles = self.studio.styles
        mixes = [region.mix for region in request.regions] + ([request.mix] if request.rest else [])
        titles = [" and ".join(styles[i].title if i in styles else YOURS for i, _ in mix) for mix in mixes]
        (only, *more) = request.styles
        by = made_by(styles[only]) if only in styles and not more else ""
        return {"title": ", ".join(dict.fromkeys(titles)), "note": by}

    def _file(self, picture: Any, stem: str, suffix: str) -> dict[str, Any]:
        name = f"{re.sub(r'[^A-Za-z0-9_-]+', '_', stem)[:80].strip('_') or 'painting'}.{suffix}"
        path = Path(self.blocks.GRADIO_CACHE) / secrets.token_hex(16) / name
        path.parent.mkdir(parents=True)
        write(picture, path, quality=JPEG_QUALITY)
        note = f"{picture.width:,} × {picture.height:,} px, {path.stat().st_size / 1e6:.1f} MB"
        return {"file": FileData(path=str(path), orig_name=name).model_dump(), "name": name, "note": note}

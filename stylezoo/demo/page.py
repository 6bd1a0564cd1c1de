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

from stylezoo.demo.live import SIDE, Live
from stylezoo.demo.parts import TITLE, Page, cards, make_part, make_upload
from stylezoo.demo.pictures import data_url, open_picture
from stylezoo.demo.requests import Request, read_request
from stylezoo.demo.settings import Settings
from stylezoo.demo.studio import OWN, PageModel, Studio, square
from stylezoo.errors import OptionError, StyleZooError, out_of_memory
from stylezoo.images.io import write

T = TypeVar("T")

HEAD = """<header class="sz-head"><h1>stylezoo</h1>
<p>Upload a photo, choose a style, and see it stylized.</p></header>"""
STROKES: list[tuple[str, str | float]] = [("Automatic", "auto"), ("Fine", 0.5), ("Medium", 1), ("Coarse", 2)]
COLOURS = [("The painting's", "style"), ("The photo's, exactly", "luma"), ("The photo's palette", "stats")]
KEPT = {"face": "Keep faces", "background": "Stylize only the background"}
QUALITY = 95
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
class _Desk:
    photo: gr.Image
    samples: gr.HTML
    palette: gr.HTML
    everything: gr.Button
    own: gr.Image
    model: gr.Radio


@dataclass(frozen=True)
class _Wall:
    stage: gr.HTML
    strength: gr.Slider
    stroke: gr.Radio
    colours: gr.Radio
    brush: gr.HTML
    keeps: gr.CheckboxGroup
    png: gr.Button
    jpeg: gr.Button
    sheet: gr.Button
    saver: gr.HTML


class _Page:
    def __init__(self, settings: Settings) -> None:
        self.settings, self.studio = settings, Studio(settings)
        self.live = Live(self.studio)
        self.models = self.studio.models
        self.first = next(iter(self.models.values()))
        self.taker = next((p for p in self.models.values() if p.takes_pictures), None)
        self._pictures: dict[str, list[str]] = {name: [] for name in self.models}
        self._painting = threading.Lock()
        self.blocks = self._lay_out()

    def _lay_out(self) -> gr.Blocks:
        with Page(title="stylezoo", analytics_enabled=False, delete_cache=(600, 3600), fill_width=True) as blocks:
            gr.HTML(HEAD, apply_default_css=False)
            with gr.Row(elem_id="sz-room", equal_height=False):
                with gr.Column(scale=4, min_width=320, elem_id="sz-desk"):
                    desk = self._make_desk()
                with gr.Column(scale=6, min_width=320, elem_id="sz-wall"), gr.Tabs():
                    wall = self._make_wall()
            self._connect(blocks, desk, wall)
        return blocks

    def _make_desk(self) -> _Desk:
        """Create the inputs: photo, style and model."""
        photo = make_upload(
            "sz-photo",
            sources=["upload", "webcam", "clipboard"],
            label="Your photo",
            height=230,
            alt_text="Your photo",
            placeholder="Drop a photo here, or click to choose one",
        )
        photos = self.studio.samples
        tried = [{"name": p.stem, "src": data_url(square(self.studio.previews.get(p), 96))} for p in photos]
        samples = make_part("samples", photos=tried)
        value = {"mix": [[self.first.cards[0].id, 1.0]]} if self.first.cards else {"mix": []}
        palette = make_part("palette", value, **cards(self.first, []))
        everything = gr.Button("See my photo in every style", size="sm", elem_id="sz-everything")
        with gr.Accordion("Any painting as the style", open=False, visible=self.taker is not None):
            own = make_upload(
                "sz-own",
                sources=["upload", "clipboard"],
                label="A painting of your choice",
                height=170,
                alt_text="The painting whose style is taken",
                placeholder="Drop a painting here",
            )
        with gr.Accordion("Another net", open=False, visible=len(self.models) > 1):
            model = gr.Radio(
                [(f"{name}: {p.note}" if p.note else name, name) for name, p in self.models.items()],
                value=self.first.name,
                label="Stylized by",
                elem_id="sz-model",
            )
        return _Desk(photo, samples, palette, everything, own, model)

    def _make_wall(self) -> _Wall:
        """Create the outputs and their controls."""
        with gr.Tab("Painting"):
            stage = make_part("stage", {})
            with gr.Row(elem_id="sz-fine"):
                strength = gr.Slider(0, 2, 1, step=0.05, label="Strength", elem_id="sz-strength")
                stroke = gr.Radio(STROKES, value="auto", label="Strokes", elem_id="sz-stroke")
                colours = gr.Radio(COLOURS, value="style", label="Colours", elem_id="sz-colours")
            choices = [(KEPT[name], name) for name in self.studio.keeps]
            keeps = gr.CheckboxGroup(choices, label="Of the photo", visible=bool(choices), elem_id="sz-keeps")
            with gr.Accordion("Brush: stylize where styles go", open=False, elem_id="sz-brushing"):
                brush = make_part("brush", photo="")
            with gr.Row(elem_id="sz-saving"):
                png = gr.Button("Save as PNG", variant="primary", elem_id="sz-png")
                jpeg = gr.Button("Save as JPEG", elem_id="sz-jpeg")
                sheet = gr.Button("Contact sheet", elem_id="sz-sheet")
            saver = make_part("saver")
        with gr.Tab("Live camera"):
            make_part("live", side=SIDE, server_functions=[self._frame()])
        return _Wall(stage, strength, stroke, colours, brush, keeps, png, jpeg, sheet, saver)

    def _connect(self, blocks: gr.Blocks, desk: _Desk, wall: _Wall) -> None:
        """Connect the event handlers."""
        request = [desk.photo, desk.model, desk.palette, wall.strength, wall.stroke, wall.colours, wall.brush]
        request += [wall.keeps, desk.own]
        look: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "look", "api_visibility": "private"}
        work: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "stylize"}
        stylize: dict[str, Any] = {"fn": _reported(self.stylize), "inputs": request, "outputs": wall.stage, **work}
        stylize["show_progress"] = "full"  # with the place in the queue
        hung: dict[str, Any] = {"fn": _reported(self.hang), "inputs": [desk.photo], "outputs": [wall.stage, wall.brush]}
        hung |= {"show_progress": "hidden", **look}
        hanging = desk.photo.input(**hung)
        hanging.success(**stylize, api_visibility="private")
        hanging.failure(
            lambda: (None, {}, gr.update(value=None, photo="")), None, [desk.photo, wall.stage, wall.brush], **look
        )
        desk.samples.input(_reported(self.sample), desk.samples, desk.photo, **look).success(**hung).success(
            **stylize, api_visibility="private"
        )
        touched = [desk.palette.input, wall.strength.release, wall.stroke.input, wall.colours.input, wall.brush.input]
        touched.append(wall.keeps.input)
        gr.on(touched, **stylize, trigger_mode="always_last", api_name="stylize")
        desk.model.input(_reported(self.choose), [desk.model, desk.own], desk.palette, **look).success(
            **stylize, api_visibility="private"
        ).then(self.fill, [desk.model, desk.own], desk.palette, show_progress="hidden", **look)
        taking = desk.own.input(_reported(self.take), [desk.own, desk.model], [desk.model, desk.palette], **look)
        taking.success(**stylize, api_visibility="private").then(
            self.fill, [desk.model, desk.own], desk.palette, show_progress="hidden", **look
        )
        taking.failure(lambda: None, None, desk.own, **look)
        desk.everything.click(
            self.everything,
            [desk.photo, desk.model, desk.own],
            desk.palette,
            show_progress="hidden",
            **work,
            api_visibility="private",
        )
        for button, kind in ((wall.png, "png"), (wall.jpeg, "jpg")):
            button.click(_reported(self._saves(kind)), request, wall.saver, **work, api_name=f"save_{kind}")
        wall.sheet.click(_reported(self.sheet), request, wall.saver, **work, api_name="sheet")
        gr.on([wall.strength.change, wall.colours.change], None, [wall.strength, wall.colours], None, js=SET_REQUEST)
        blocks.load(self.fill, [desk.model, desk.own], desk.palette, show_progress="hidden", **look)

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

    def hang(self, photo: str | None) -> tuple[Any, Any]:
        """Show an upload."""
        seen = data_url(self.studio.previews.get(Path(photo))) if photo else ""
        return {"photo": seen} if photo else {}, gr.update(value=None, photo=seen)

    def stylize(self, *values: Any) -> dict[str, Any] | None:
        """Return the photo and its stylized image at screen size."""
        photo, request, own = self._read(values)
        if photo is None:
            return {}
        seen = self.studio.previews.get(photo)
        stylized = self.studio.stylize(seen, request, own)
        title = self._title(request)
        return {"photo": data_url(seen), "painting": data_url(stylized), "title": title, "note": self._note(request)}

    def _saves(self, suffix: str) -> Callable[..., Any]:
        def save(*values: Any) -> dict[str, Any]:
            photo, request, own = self._read(values)
            if photo is None:
                raise OptionError("Choose a photo first.")
            stylized = self.studio.stylize(open_picture(photo, self.settings), request, own)
            return self._file(stylized, f"{photo.stem}_{'_'.join(name for name, _ in request.mix)}", suffix)

        return save

    def sheet(self, *values: Any) -> dict[str, Any]:
        """Return the file of a sheet with the photo in all styles."""
        photo, request, _ = self._read(values)
        if photo is None:
            raise OptionError("Choose a photo first.")
        page = self.studio.sheet(self.studio.previews.get(photo), request)
        return self._file(page, f"{photo.stem}_styles", "jpg")

    def choose(self, name: str, own: str | None) -> Any:
        """Show the styles of another model, with the first selected."""
        model = self.studio.model(name)
        shown = self._cards(model, own)
        return gr.update(value={"mix": [[shown["cards"][0]["id"], 1.0]]} if shown["cards"] else {"mix": []}, **shown)

    def take(self, own: str | None, name: str) -> tuple[Any, Any]:
        """Add a visitor's style image to the styles of the arbitrary-style model, and select it."""
        if not own or self.taker is None:
            return gr.skip(), self.choose(name, None)
        model = self.studio.models[name] if self.studio.model(name).takes_pictures else self.taker
        return model.name, gr.update(value={"mix": [[OWN, 1.0]]}, **self._cards(model, own))

    def fill(self, name: str, own: str | None) -> Iterator[Any]:
        """Yield the palette as its thumbnails are stylized, once for all visitors."""
        with _on_the_page():
            model = self.studio.model(name)
            done = self._pictures[model.name]
            with self._painting:  # a second visitor finds them done
                missing = len(model.cards) - len(done)
                for index, picture in enumerate(self.studio.thumbnails(model) if missing else ()):
                    if index >= len(done):
                        done.append(data_url(picture, 84))
                        if index % 4 == 3:
                            yield gr.update(**self._cards(model, own))
            yield gr.update(**self._cards(model, own))

    def everything(self, photo: str | None, name: str, own: str | None) -> Iterator[Any]:
        """Yield the palette with thumbnails of the visitor's photo, as they are stylized."""
        with _on_the_page():
            if not photo:
                raise OptionError("Choose a photo first.")
            model = self.studio.model(name)
            shown = [*self._pictures[model.name]] + [""] * len(model.cards)
            for index, picture in enumerate(self.studio.thumbnails(model, self.studio.previews.get(Path(photo)))):
                shown[index] = data_url(picture, 84)
                if index % 4 == 3 or index + 1 == len(model.cards):
                    yield gr.update(**self._cards(model, own, shown))

    def _frame(self) -> Callable[[Any], dict[str, str]]:
        def frame(value: Any) -> dict[str, str]:
            try:
                return {"image": self.live.stylize(value)}
            except StyleZooError as error:
                return {"error": str(error)}

        return frame

    def _read(self, values: tuple[Any, ...]) -> tuple[Path | None, Request, Path | None]:
        photo, *how, own = values
        request = read_request(*how, settings=self.settings)
        return Path(photo) if photo else None, request, Path(own) if own else None

    def _cards(self, model: PageModel, own: str | None, pictures: list[str] | None = None) -> dict[str, Any]:
        shown = cards(model, self._pictures[model.name] if pictures is None else pictures)
        if own and model.takes_pictures:
            picture = data_url(self.studio.previews.get(Path(own), 320), 84)
            shown["cards"].insert(0, {"id": OWN, "title": "Your painting", "by": "", "src": picture})
        return shown

    def _title(self, request: Request) -> str:
        names = {card.id: card.style.title for card in self.models[request.model].cards} | {OWN: "Your painting"}
        mixes = [region.mix for region in request.regions] + ([request.mix] if request.rest else [])
        return ", ".join(dict.fromkeys(" and ".join(names[name] for name, _ in mix) for mix in mixes))

    def _note(self, request: Request) -> str:
        if request.regions or len(request.mix) > 1:
            return f"stylized by {request.model}"
        by = next((card.by for card in self.models[request.model].cards if card.id == request.mix[0][0]), "")
        return f"after {by}, stylized by {request.model}" if by else f"stylized by {request.model}"

    def _file(self, picture: Any, stem: str, suffix: str) -> dict[str, Any]:
        name = f"{re.sub(r'[^A-Za-z0-9_-]+', '_', stem)[:80].strip('_') or 'painting'}.{suffix}"
        path = Path(self.blocks.GRADIO_CACHE) / secrets.token_hex(16) / name
        path.parent.mkdir(parents=True)
        write(picture, path, quality=QUALITY)
        note = f"{picture.width:,} × {picture.height:,} px, {path.stat().st_size / 1e6:.1f} MB"
        return {"file": FileData(path=str(path), orig_name=name).model_dump(), "name": name, "note": note}

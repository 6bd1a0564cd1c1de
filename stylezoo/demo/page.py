"""The page: what is on it, and what happens when something is touched."""

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
from stylezoo.demo.settings import Settings
from stylezoo.demo.studio import OWN, Painter, Studio, square
from stylezoo.demo.wishes import Wish, read_wish
from stylezoo.errors import OptionError, StyleZooError, out_of_memory
from stylezoo.images.io import write

T = TypeVar("T")

HEAD = """<header class="sz-head"><h1>stylezoo</h1>
<p>Hang a photo, choose a painting, and see it painted that way.</p></header>"""
STROKE = 0.75
COLOURS = [("The painting's", "style"), ("The photo's, exactly", "luma"), ("The photo's palette", "stats")]
QUALITY = 95
SET_WISH = "(strength, colours) => { (window.stylezoo ??= {}).wish = { strength, colours }; return []; }"


def build_page(settings: Settings) -> gr.Blocks:
    """Return the page, ready for `launch`.

    Raises:
        ModelNotFoundError, OptionError: there is no such model, or it is none for a page.
    """
    return _Page(settings).blocks


@contextmanager
def _on_the_page() -> Iterator[None]:
    """Turn whatever goes wrong into a message on the page."""
    try:
        yield
    except gr.Error:
        raise
    except StyleZooError as error:
        raise gr.Error(escape(str(error)), title=TITLE, print_exception=False) from error
    except Exception as error:
        if out_of_memory(error):
            text = "There was not enough memory for it: try a smaller picture."
        else:
            text = "Something went wrong here, and nothing was painted."
            print(f"stylezoo: {type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        raise gr.Error(text, title=TITLE, print_exception=False) from error


def _told(function: Callable[..., T]) -> Callable[..., T]:
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
    painter: gr.Radio


@dataclass(frozen=True)
class _Wall:
    stage: gr.HTML
    strength: gr.Slider
    stroke: gr.Slider
    colours: gr.Radio
    brush: gr.HTML
    png: gr.Button
    jpeg: gr.Button
    sheet: gr.Button
    finer: gr.Checkbox
    saver: gr.HTML


class _Page:
    def __init__(self, settings: Settings) -> None:
        self.settings, self.studio = settings, Studio(settings)
        self.live = Live(self.studio)
        self.painters = self.studio.painters
        self.first = next(iter(self.painters.values()))
        self.taker = next((p for p in self.painters.values() if p.takes_pictures), None)
        self._pictures: dict[str, list[str]] = {name: [] for name in self.painters}
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
        """Put down what is chosen: photo, style and net."""
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
        with gr.Accordion("Another net", open=False, visible=len(self.painters) > 1):
            painter = gr.Radio(
                [(f"{name}: {p.note}" if p.note else name, name) for name, p in self.painters.items()],
                value=self.first.name,
                label="Painted by",
                elem_id="sz-painter",
            )
        return _Desk(photo, samples, palette, everything, own, painter)

    def _make_wall(self) -> _Wall:
        """Put up what is shown, and how it is made and saved."""
        with gr.Tab("Painting"):
            stage = make_part("stage", {})
            with gr.Row(elem_id="sz-fine"):
                strength = gr.Slider(0, 2, 1, step=0.05, label="Strength", elem_id="sz-strength")
                stroke = gr.Slider(0.5, 2, STROKE, step=0.25, label="Size of the strokes", elem_id="sz-stroke")
                colours = gr.Radio(COLOURS, value="style", label="Colours", elem_id="sz-colours")
            with gr.Accordion("Brush: paint where styles go", open=False, elem_id="sz-brushing"):
                brush = make_part("brush", photo="")
            with gr.Row(elem_id="sz-saving"):
                png = gr.Button("Save as PNG", variant="primary", elem_id="sz-png")
                jpeg = gr.Button("Save as JPEG", elem_id="sz-jpeg")
                sheet = gr.Button("Contact sheet", elem_id="sz-sheet")
            finer = gr.Checkbox(
                False, label="Finer strokes, as small as the photo's own size allows", elem_id="sz-finer"
            )
            saver = make_part("saver")
        with gr.Tab("Live camera"):
            make_part("live", side=SIDE, server_functions=[self._frame()])
        return _Wall(stage, strength, stroke, colours, brush, png, jpeg, sheet, finer, saver)

    def _connect(self, blocks: gr.Blocks, desk: _Desk, wall: _Wall) -> None:
        """Say what happens when something is touched."""
        wish = [desk.photo, desk.painter, desk.palette, wall.strength, wall.stroke, wall.colours, wall.brush, desk.own]
        look: dict[str, Any] = {"concurrency_limit": 2, "concurrency_id": "look", "api_visibility": "private"}
        work: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "paint"}
        paint: dict[str, Any] = {"fn": _told(self.paint), "inputs": wish, "outputs": wall.stage, **work}
        paint["show_progress"] = "full"  # with the place in the queue
        hung: dict[str, Any] = {
            "fn": _told(self.hang),
            "inputs": [desk.photo],
            "outputs": [wall.stage, wall.brush],
            **look,
        }
        hung["show_progress"] = "hidden"
        hanging = desk.photo.input(**hung)
        hanging.success(**paint, api_visibility="private")
        hanging.failure(
            lambda: (None, {}, gr.update(value=None, photo="")), None, [desk.photo, wall.stage, wall.brush], **look
        )
        desk.samples.input(_told(self.sample), desk.samples, desk.photo, **look).success(**hung).success(
            **paint, api_visibility="private"
        )
        touched = [desk.palette.input, wall.strength.release, wall.stroke.release, wall.colours.input, wall.brush.input]
        gr.on(touched, **paint, trigger_mode="always_last", api_name="paint")
        desk.painter.input(_told(self.choose), [desk.painter, desk.own], desk.palette, **look).success(
            **paint, api_visibility="private"
        ).then(self.fill, [desk.painter, desk.own], desk.palette, show_progress="hidden", **look)
        taking = desk.own.input(_told(self.take), [desk.own, desk.painter], [desk.painter, desk.palette], **look)
        taking.success(**paint, api_visibility="private").then(
            self.fill, [desk.painter, desk.own], desk.palette, show_progress="hidden", **look
        )
        taking.failure(lambda: None, None, desk.own, **look)
        desk.everything.click(
            self.everything,
            [desk.photo, desk.painter, desk.own],
            desk.palette,
            show_progress="hidden",
            **work,
            api_visibility="private",
        )
        for button, kind in ((wall.png, "png"), (wall.jpeg, "jpg")):
            button.click(_told(self._saves(kind)), [*wish, wall.finer], wall.saver, **work, api_name=f"save_{kind}")
        wall.sheet.click(_told(self.sheet), wish, wall.saver, **work, api_name="sheet")
        gr.on([wall.strength.change, wall.colours.change], None, [wall.strength, wall.colours], None, js=SET_WISH)
        blocks.load(self.fill, [desk.painter, desk.own], desk.palette, show_progress="hidden", **look)

    def sample(self, number: Any) -> str:
        """Return the file of a photo to try, where the page may show it from."""
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

    def paint(self, *values: Any) -> dict[str, Any] | None:
        """Return what hangs on the wall: the photo, and its painting at the size of a screen."""
        photo, wish, own = self._read(values)
        if photo is None:
            return {}
        seen = self.studio.previews.get(photo)
        painted = self.studio.paint(seen, wish, own)
        title = self._title(wish)
        return {"photo": data_url(seen), "painting": data_url(painted), "title": title, "note": self._note(wish)}

    def _saves(self, suffix: str) -> Callable[..., Any]:
        def save(*values: Any) -> dict[str, Any]:
            photo, wish, own = self._read(values[:-1])
            if photo is None:
                raise OptionError("Choose a photo first.")
            if values[-1] is True:  # a stroke of None is what the net paints at the picture's own size
                wish = Wish(wish.painter, wish.mix, wish.strength, None, wish.colours, wish.regions, wish.rest)
            painted = self.studio.paint(open_picture(photo, self.settings), wish, own)
            return self._file(painted, f"{photo.stem}_{'_'.join(name for name, _ in wish.mix)}", suffix)

        return save

    def sheet(self, *values: Any) -> dict[str, Any]:
        """Return the file of a page with the photo in all styles."""
        photo, wish, _ = self._read(values)
        if photo is None:
            raise OptionError("Choose a photo first.")
        page = self.studio.sheet(self.studio.previews.get(photo), wish)
        return self._file(page, f"{photo.stem}_styles", "jpg")

    def choose(self, name: str, own: str | None) -> Any:
        """Show the styles of another net, of which the first is chosen."""
        painter = self.studio.painter(name)
        shown = self._cards(painter, own)
        return gr.update(value={"mix": [[shown["cards"][0]["id"], 1.0]]} if shown["cards"] else {"mix": []}, **shown)

    def take(self, own: str | None, name: str) -> tuple[Any, Any]:
        """Put a visitor's painting among the styles of a net that takes any, and choose it."""
        if not own or self.taker is None:
            return gr.skip(), self.choose(name, None)
        painter = self.studio.painters[name] if self.studio.painter(name).takes_pictures else self.taker
        return painter.name, gr.update(value={"mix": [[OWN, 1.0]]}, **self._cards(painter, own))

    def fill(self, name: str, own: str | None) -> Iterator[Any]:
        """Yield the palette as its pictures are painted, once for all visitors."""
        with _on_the_page():
            painter = self.studio.painter(name)
            done = self._pictures[painter.name]
            with self._painting:  # who comes second finds them painted
                missing = len(painter.cards) - len(done)
                for index, picture in enumerate(self.studio.thumbnails(painter) if missing else ()):
                    if index >= len(done):
                        done.append(data_url(picture, 84))
                        if index % 4 == 3:
                            yield gr.update(**self._cards(painter, own))
            yield gr.update(**self._cards(painter, own))

    def everything(self, photo: str | None, name: str, own: str | None) -> Iterator[Any]:
        """Yield the palette with pictures of the visitor's photo, as they are painted."""
        with _on_the_page():
            if not photo:
                raise OptionError("Choose a photo first.")
            painter = self.studio.painter(name)
            shown = [*self._pictures[painter.name]] + [""] * len(painter.cards)
            for index, picture in enumerate(self.studio.thumbnails(painter, self.studio.previews.get(Path(photo)))):
                shown[index] = data_url(picture, 84)
                if index % 4 == 3 or index + 1 == len(painter.cards):
                    yield gr.update(**self._cards(painter, own, shown))

    def _frame(self) -> Callable[[Any], dict[str, str]]:
        def frame(value: Any) -> dict[str, str]:
            try:
                return {"image": self.live.paint(value)}
            except StyleZooError as error:
                return {"error": str(error)}

        return frame

    def _read(self, values: tuple[Any, ...]) -> tuple[Path | None, Wish, Path | None]:
        photo, *how, own = values
        wish = read_wish(*how, settings=self.settings)
        return Path(photo) if photo else None, wish, Path(own) if own else None

    def _cards(self, painter: Painter, own: str | None, pictures: list[str] | None = None) -> dict[str, Any]:
        shown = cards(painter, self._pictures[painter.name] if pictures is None else pictures)
        if own and painter.takes_pictures:
            picture = data_url(self.studio.previews.get(Path(own), 320), 84)
            shown["cards"].insert(0, {"id": OWN, "title": "Your painting", "by": "", "src": picture})
        return shown

    def _title(self, wish: Wish) -> str:
        names = {card.id: card.style.title for card in self.painters[wish.painter].cards} | {OWN: "Your painting"}
        mixes = [region.mix for region in wish.regions] + ([wish.mix] if wish.rest else [])
        return ", ".join(dict.fromkeys(" and ".join(names[name] for name, _ in mix) for mix in mixes))

    def _note(self, wish: Wish) -> str:
        if wish.regions or len(wish.mix) > 1:
            return f"painted by {wish.painter}"
        by = next((card.by for card in self.painters[wish.painter].cards if card.id == wish.mix[0][0]), "")
        return f"after {by}, painted by {wish.painter}" if by else f"painted by {wish.painter}"

    def _file(self, picture: Any, stem: str, suffix: str) -> dict[str, Any]:
        name = f"{re.sub(r'[^A-Za-z0-9_-]+', '_', stem)[:80].strip('_') or 'painting'}.{suffix}"
        path = Path(self.blocks.GRADIO_CACHE) / secrets.token_hex(16) / name
        path.parent.mkdir(parents=True)
        write(picture, path, quality=QUALITY)
        note = f"{picture.width:,} × {picture.height:,} px, {path.stat().st_size / 1e6:.1f} MB"
        return {"file": FileData(path=str(path), orig_name=name).model_dump(), "name": name, "note": note}

"""The parts of the page: gradio's components where it has them, and small ones in HTML and JavaScript.

They are made by functions, as gradio writes a file beside the module of each class that is derived from one of its own.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData
from gradio.exceptions import InvalidPathError

from stylezoo.demo.studio import Painter
from stylezoo.demo.wishes import MOST_STYLES

TITLE = "That did not work"
NOT_UPLOADED = "Choose the picture again: only what was uploaded here can be painted."
NOT_FETCHED = "Upload the picture itself: addresses are not fetched."
UNREADABLE = "The page sent something that cannot be read: load it again."


def asset(name: str) -> str:
    """Return the text of a file that belongs to the page."""
    return (files("stylezoo.demo") / "assets" / name).read_text("utf-8")


def make_part(name: str, value: Any = None, **options: Any) -> gr.HTML:
    """Return a component whose HTML and JavaScript are the assets of that name, as `elem_id` "sz-<name>".

    | name    | value                                                                | props                          |
    | ------- | -------------------------------------------------------------------- | ------------------------------ |
    | palette | {"mix": [[id, weight], ...]}                                         | those of `cards`               |
    | stage   | {"photo", "painting": data URLs, "title", "note"}                    |                                |
    | brush   | None, or {"rest": bool, "regions": [{"mix", "mask": data URL}, ...]} | photo: a data URL              |
    | samples | the number of the photo that was chosen last                         | photos: [{"name", "src"}, ...] |
    | saver   | {"file": gradio's FileData, "name", "note"}: it is saved at once     |                                |
    | live    |                                                                      | side: of a frame in px         |
    """
    template, script = asset(f"{name}.html"), asset(f"{name}.js")
    look: dict[str, Any] = {
        "html_template": template,
        "js_on_load": script,
        "apply_default_css": False,
        "elem_id": f"sz-{name}",
    }
    return gr.HTML(value, **(look | options))


def make_upload(elem_id: str, **options: Any) -> gr.Image:
    """Return a place for a picture, which is given on as the path of a file that nothing has opened yet."""
    upload = gr.Image(type="filepath", image_mode=None, buttons=[], elem_id=elem_id, **options)
    folder = Path(upload.GRADIO_CACHE).resolve()

    def path_of(payload: ImageData | None) -> Path | None:
        if payload is None:
            return None
        path = Path(payload.path).resolve() if payload.path else None
        if path is None or not path.is_relative_to(folder):
            raise gr.Error(NOT_UPLOADED, title=TITLE)
        return path

    upload.preprocess = path_of  # type: ignore[method-assign, assignment]  # gradio's own opens the picture, a bomb too
    return upload


def cards(painter: Painter, pictures: list[str]) -> dict[str, Any]:
    """Return the props of a palette that shows a painter's styles, with as many pictures as there are yet."""
    shown = [
        {"id": card.id, "title": card.style.title, "by": card.by, "src": src}
        for card, src in zip(painter.cards, [*pictures, *[""] * len(painter.cards)], strict=False)
    ]
    return {"cards": shown, "most": MOST_STYLES if painter.blends else 1}


class Page(gr.Blocks):
    """Blocks that answer what no page of ours has sent by a message, where gradio would fetch it, or fail."""

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **named: Any) -> Any:
        try:
            if _names_address(inputs):
                raise gr.Error(NOT_FETCHED, title=TITLE)
            return await super().preprocess_data(block_fn, inputs, *rest, **named)
        except gr.Error as error:
            error.print_exception = False
            raise
        except InvalidPathError as error:
            raise gr.Error(NOT_UPLOADED, title=TITLE, print_exception=False) from error
        except Exception as error:
            raise gr.Error(UNREADABLE, title=TITLE, print_exception=False) from error


def _names_address(value: Any) -> bool:
    """Whether there is, anywhere in what was sent, a file that lies elsewhere."""
    if isinstance(value, dict):
        path = value.get("path")
        return (isinstance(path, str) and "://" in path) or any(map(_names_address, value.values()))
    return isinstance(value, list) and any(map(_names_address, value))

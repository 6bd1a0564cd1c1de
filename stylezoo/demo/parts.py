"""The components of the page: gradio's own, and small ones in HTML and JavaScript.

They are made by functions, since gradio writes a file next to the module of every subclass of its components.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError
from PIL import Image, UnidentifiedImageError

from stylezoo.demo.pictures import NO_PICTURE, TOO_MANY

TITLE = "That did not work"
NOT_UPLOADED = "Choose the picture again: only what was uploaded here can be stylized."
NOT_FETCHED = "Upload the picture itself: addresses are not fetched."
UNREADABLE = "The page sent something that cannot be read: load it again."
_SAID: dict[type[BaseException], str] = {
    InvalidPathError: NOT_UPLOADED,
    UnidentifiedImageError: NO_PICTURE,
    Image.DecompressionBombError: TOO_MANY,
}


def asset(name: str) -> str:
    """Return the text of an asset of the page."""
    return (files("stylezoo.demo") / "assets" / name).read_text("utf-8")


def make_part(name: str, value: Any = None, **options: Any) -> gr.HTML:
    """Return a component whose HTML and JavaScript are the assets `name`, with `elem_id` "sz-<name>".

    | name    | value                                                                | props                          |
    | ------- | -------------------------------------------------------------------- | ------------------------------ |
    | palette | {"mix": [[id, weight], ...]}                                         | see below                      |
    | stage   | {"photo", "stylized": data URLs, "title", "note"}                    |                                |
    | brush   | None, or {"rest": bool, "regions": [{"mix", "mask": data URL}, ...]} |                                |
    | samples | the number of the photo that was chosen last                         | photos: [{"name", "src"}, ...] |
    | saver   | {"file": gradio's FileData, "name", "note"}: it is saved at once     |                                |
    | live    |                                                                      | side: of a frame in px         |

    The palette's props: cards, [{"id", "title", "by"}, ...]; pictures, their data URLs; own, None or one more card with
    its "src"; nets, lists of ids that can be used together; most, how many styles at once.
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
    """Return an upload component; gradio reads only the picture's header and passes the file's path."""
    return gr.Image(type="filepath", image_mode=None, buttons=[], elem_id=elem_id, **options)


class Page(gr.Blocks):
    """Blocks that reject input that this page did not send; gradio would download or open it, or fail."""

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *rest: Any, **named: Any) -> Any:
        try:
            _check_files(inputs, Path(self.GRADIO_CACHE).resolve())
            return await super().preprocess_data(block_fn, inputs, *rest, **named)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            text = _SAID.get(type(error.__cause__ or error), UNREADABLE)
            raise gr.Error(text, title=TITLE, print_exception=False) from error


def _check_files(value: Any, folder: Path) -> None:
    """Raise gr.Error if the input contains, at any depth, a file that was not uploaded here.

    Gradio checks only files marked as its own, but also accepts others as images.
    """
    if isinstance(value, dict):
        path, url = (str(value.get(name) or "") for name in ("path", "url"))
        if "://" in path or url.startswith("data:"):
            raise gr.Error(NOT_FETCHED, title=TITLE)
        if "path" in value and not Path(path).resolve().is_relative_to(folder):
            raise gr.Error(NOT_UPLOADED, title=TITLE)
        value = list(value.values())
    for member in value if isinstance(value, list) else ():
        _check_files(member, folder)

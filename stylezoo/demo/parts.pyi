"""The parts of the page: gradio's components where it has them, and small ones in HTML and JavaScript."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData

from stylezoo.demo.studio import Painter
from stylezoo.demo.wishes import MOST_STYLES

ASSETS = files("stylezoo.demo") / "assets"

def asset(name: str) -> str:
    """Return the text of a file that belongs to the page."""
    return (ASSETS / name).read_text("utf-8")

class _Local:
    """A component to which nobody can name a file by its address: the server would fetch it."""

    async def async_move_resource_to_block_cache(self, url_or_file_path: str | Path | None) -> str | None:
        if "://" in str(url_or_file_path):
            raise gr.Error("Upload the picture itself: addresses are not fetched.", print_exception=False)
        moved: str | None = await super().async_move_resource_to_block_cache(url_or_file_path)  # type: ignore[misc]
        return moved

class Photo(_Local, gr.Image):
    """An upload, a snapshot or a pasted picture. It is given on as the path of the file, which nothing has opened yet."""

    def get_block_name(self) -> str:
        return "image"

    def preprocess(self, payload: ImageData | None) -> Path | None:  # type: ignore[override]
        if payload is None:
            return None
        path = Path(payload.path).resolve() if payload.path else None
        if path is None or not path.is_relative_to(Path(self.GRADIO_CACHE).resolve()):
            raise gr.Error(
                "Choose the picture again: only what was uploaded here can be painted.", print_exception=False
            )
        return path
    from collections.abc import Callable, Sequence
    from typing import TYPE_CHECKING, Any, Literal

    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

class _Custom(_Local, gr.HTML):
    """A component whose HTML and JavaScript lie in the assets under `name`."""

    name = ""

    def __init__(self, value: Any = None, **options: Any) -> None:
        super().__init__(
            value,
            html_template=asset(f"{self.name}.html"),
            js_on_load=asset(f"{self.name}.js"),
            apply_default_css=False,
            **options,
        )

    def get_block_name(self) -> str:
        return "html"
    from collections.abc import Callable, Sequence
    from typing import TYPE_CHECKING, Any, Literal

    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

class Palette(_Custom):
    """The styles as pictures. Its value is {"mix": [[id, weight], ...]}; its props `cards` and `most` are of a painter."""

    name = "palette"
    from collections.abc import Callable, Sequence
    from typing import TYPE_CHECKING, Any, Literal

    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

class Stage(_Custom):
    """Photo and painting, one over the other. Its value is {"photo", "painting", "title", "note"}, the pictures as data URLs."""

    name = "stage"
    from collections.abc import Callable, Sequence
    from typing import TYPE_CHECKING, Any, Literal

    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

class Brush(_Custom):
    """Where styles go. Its prop `photo` is a data URL, and its value None or what `wishes.read_wish` takes as brush."""

    name = "brush"
    from collections.abc import Callable, Sequence
    from typing import TYPE_CHECKING, Any, Literal

    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

class Saver(_Custom):
    """A file that is saved at once. Its value is {"file": gradio's FileData, "name", "note"}."""

    name = "saver"
    from collections.abc import Callable, Sequence
    from typing import TYPE_CHECKING, Any, Literal

    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

class LiveView(_Custom):
    """The camera, painted. Its prop `side` is the long side of a frame in px; `server_functions` has `frame`."""

    name = "live"
    from collections.abc import Callable, Sequence
    from typing import TYPE_CHECKING, Any, Literal

    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

def cards(painter: Painter, pictures: list[str]) -> dict[str, Any]:
    """Return the props of a palette that shows a painter's styles, with as many pictures as there are yet."""
    shown = [
        {"id": card.id, "title": card.style.title, "by": card.by, "src": src}
        for card, src in zip(painter.cards, [*pictures, *[""] * len(painter.cards)], strict=False)
    ]
    return {"cards": shown, "most": MOST_STYLES if painter.blends else 1}

class Samples(_Custom):
    """Photos to try. Its prop `photos` is [{"name", "src"}, ...], and its value the number of one."""

    name = "samples"
    from collections.abc import Callable, Sequence
    from typing import TYPE_CHECKING, Any, Literal

    from gradio.blocks import Block

    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component

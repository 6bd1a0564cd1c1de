"""The camera, painted frame by frame."""

from __future__ import annotations

import threading
from typing import Any

from stylezoo.demo.pictures import data_url, from_data_url
from stylezoo.demo.settings import Settings
from stylezoo.demo.studio import Painter, Studio
from stylezoo.demo.wishes import read_wish
from stylezoo.errors import OptionError, StyleError
from stylezoo.stylizer import Stylizer

SIDE = 320
"""px, the long side of a frame."""


class Live:
    """Paints frames by the quickest painter of a page, with a net of its own, so that none waits for a large picture."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._settings = Settings(max_pixels=SIDE * SIDE * 4)
        self._lock = threading.Lock()
        self._net: Stylizer | None = None

    @property
    def painter(self) -> Painter:
        """Whose styles the camera has: the first of the page that has several."""
        painters = list(self._studio.painters.values())
        return next((p for p in painters if p.blends), painters[0])

    def paint(self, value: Any) -> str:
        """Return the painting of a frame as a data URL.

        Args:
            value: {"mix": [[id, weight], ...], "image": a data URL, and strength and colours if need be}.

        Raises:
            StyleError, OptionError, ImageError: it is none that the page could have sent.
        """
        if not isinstance(value, dict):
            raise OptionError("The page sent no frame: load it again.")
        painter = self.painter
        wish = read_wish(
            painter.name, value, value.get("strength", 1.0), None, value.get("colours", "style"), settings=self._settings
        )
        frame = from_data_url(value.get("image"), self._settings)
        if max(frame.size) > SIDE:
            frame.thumbnail((SIDE, SIDE))
        styles = {card.id: card.style.id for card in painter.cards}
        if unknown := [name for name, _ in wish.mix if name not in styles]:
            raise StyleError(f"The camera has the styles of {painter.title}, and '{unknown[0][:40]}' is none of them.")
        mix = [(styles[name], weight) for name, weight in wish.mix]
        colours: Any = False if wish.colours == "style" else wish.colours
        with self._lock:
            self._net = self._net or self._studio.copy_of(painter.cards[0].model)
            painted = self._net.stylize(frame, mix, strength=wish.strength, preserve_color=colours)
        return data_url(painted, 80)

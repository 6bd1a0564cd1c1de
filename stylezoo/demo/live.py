"""Stylize camera frames."""

from __future__ import annotations

import threading
from typing import Any

from PIL import Image

from stylezoo.demo.pictures import data_url, from_data_url
from stylezoo.demo.requests import read_request
from stylezoo.demo.settings import Settings
from stylezoo.demo.studio import OWN, Studio
from stylezoo.errors import OptionError, StyleError
from stylezoo.stylizer.stylizer import Stylizer

SIDE = 320
"""Long side of a frame in px."""


class Live:
    """Stylizes frames with its own nets, so that they do not wait for large pictures."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._settings = Settings(max_pixels=SIDE * SIDE * 4)
        self._lock = threading.Lock()
        self._nets: dict[str, Stylizer] = {}

    def stylize(self, value: Any) -> str:
        """Return the stylized frame as a data URL.

        Args:
            value: {"mix": [[id, weight], ...], "image": a data URL, optionally "strength" and "colours"}.

        Raises:
            StyleError, OptionError, ImageError: the value is invalid.
        """
        if not isinstance(value, dict):
            raise OptionError("The page sent no frame: reload it.")
        how = value.get("strength", 1.0), "auto", value.get("colours", "style")
        request = read_request("live", value, *how, settings=self._settings)
        if OWN in request.styles:
            raise StyleError("The camera has no style of your own painting: choose another.")
        frame = from_data_url(value.get("image"), self._settings)
        frame.info.pop("icc_profile", None)  # a canvas is already in sRGB, and converting it takes as long as the net
        frame.thumbnail((SIDE, SIDE))
        model = self._studio.model_of(request.styles, "live")
        colours: Any = False if request.colours == "style" else request.colours
        with self._lock:  # two frames in parallel would each take more than twice as long
            if model not in self._nets:
                self._nets[model] = self._studio.copy_of(model)
            how_much = {"strength": request.strength, "preserve_color": colours}
            stylized: Image.Image = self._nets[model].stylize(frame, dict(request.mix), **how_much)
        return data_url(stylized, 80)

"""Stylize camera frames."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

from PIL import Image

from stylezoo.demo.pictures import data_url, from_data_url
from stylezoo.demo.requests import Request, read_request
from stylezoo.demo.settings import Settings
from stylezoo.demo.studio import PageModel, Studio
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

    @cached_property
    def model(self) -> PageModel:
        """The model for the camera: one made for video, or the first multi-style model."""
        models = list(self._studio.models.values())
        several = [p for p in models if p.blends] or models
        return next((p for p in several if p.name.endswith("video")), several[0])

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
        request = read_request(self.model.name, value, *how, settings=self._settings)
        frame = from_data_url(value.get("image"), self._settings)
        frame.info.pop("icc_profile", None)  # a canvas is already in sRGB, and converting it takes as long as the net
        frame.thumbnail((SIDE, SIDE))
        styles = {card.id: card for card in self.model.cards}
        for name, _ in request.mix:
            if name not in styles:
                raise StyleError(f"The camera uses {self.model.name}: choose one of its styles.")
        if len(models := {styles[name].model for name, _ in request.mix}) > 1:
            raise StyleError(
                "These styles are from different models and cannot be blended: choose styles of one model."
            )
        mix = {styles[name].style.id: weight for name, weight in request.mix}
        with self._lock:  # two frames in parallel would each take more than twice as long
            return data_url(self._stylize_one(frame, models.pop(), mix, request), 80)

    def _stylize_one(self, frame: Image.Image, model: str, mix: dict[str, float], request: Request) -> Image.Image:
        colours: Any = False if request.colours == "style" else request.colours
        stylized: Image.Image = self._net(model).stylize(frame, mix, strength=request.strength, preserve_color=colours)
        return stylized

    def _net(self, model: str) -> Stylizer:
        if model not in self._nets:
            self._nets[model] = self._studio.copy_of(model)
        return self._nets[model]

"""The filters of photobooth-app that stylize photos: one for each style."""

from __future__ import annotations

import logging
from typing import Any

from photobooth.plugins import hookimpl
from photobooth.plugins.base_plugin import BaseFilter
from PIL import Image

from stylezoo.errors import StyleZooError

from .config import FilterStylezooConfig
from .styles import styles_of, stylize

logger = logging.getLogger(__name__)


class FilterStylezoo(BaseFilter):  # type: ignore[misc]  # photobooth-app need not be installed to check this
    """The three hooks of a filter, and one that loads the model before the first guest comes."""

    def __init__(self) -> None:
        super().__init__()
        self._config = FilterStylezooConfig()

    @property
    def model(self) -> str:
        return str(self._config.model)

    @property
    def options(self) -> dict[str, Any]:
        how = self._config
        return {"strength": how.strength, "keep_colors": how.keep_colors, "keep_faces": how.keep_faces}

    @hookimpl  # type: ignore[untyped-decorator]
    def start(self) -> None:
        try:
            stylize(Image.new("RGB", (64, 64)), self.model, styles_of(self.model)[0], **self.options)
        except StyleZooError as error:  # the admin page, which can mend it, must open all the same
            logger.error("stylezoo cannot stylize: %s", error)

    @hookimpl  # type: ignore[untyped-decorator]
    def mp_avail_filter(self) -> list[str]:
        return [self.unify(style) for style in styles_of(self.model)]

    @hookimpl  # type: ignore[untyped-decorator]
    def mp_userselectable_filter(self) -> list[str]:
        known = styles_of(self.model)
        return [self.unify(style) for style in self._config.styles if style in known]

    @hookimpl  # type: ignore[untyped-decorator]
    def mp_filter_pipeline_step(self, image: Image.Image, plugin_filter: str, preview: bool) -> Image.Image | None:
        style = self.deunify(plugin_filter)
        if style is None:  # a filter of another plug-in
            return None
        return stylize(image, self.model, style, preview=preview, **self.options)

"""What can be set on the admin page of photobooth-app; its file is config/plugin_filter_stylezoo.json."""

from __future__ import annotations

from photobooth import CONFIG_PATH
from photobooth.services.config.baseconfig import BaseConfig
from pydantic import Field
from pydantic_settings import SettingsConfigDict

from .styles import models, styles_of

DEFAULT = "cin/16"


STYLES = list(dict.fromkeys(style for model in models() for style in styles_of(model)))


class FilterStylezooConfig(BaseConfig):  # type: ignore[misc]  # photobooth-app need not be installed to check this
    model_config = SettingsConfigDict(
        title="Painting styles (stylezoo)",
        json_file=f"{CONFIG_PATH}plugin_filter_stylezoo.json",
        env_prefix="filter-stylezoo-",
    )

    model: str = Field(
        default=DEFAULT,
        description="The model that stylizes. Restart the app after another choice.",
        json_schema_extra={"enum": [*models()]},  # which the admin page shows as a list
    )
    styles: list[str] = Field(
        default=styles_of(DEFAULT),
        description="Styles that guests can choose. Those that the model does not have are left out.",
        json_schema_extra={"items": {"type": "string", "enum": [*STYLES]}, "uniqueItems": True},
    )
    strength: float = Field(default=1.0, ge=0, le=1, description="0 gives the photo, 1 the full style.")
    keep_colors: bool = Field(default=False, description="Keep the hues of the photo.")
    keep_faces: float = Field(default=0.0, ge=0, le=1, description="The share of the photo that stays on faces.")

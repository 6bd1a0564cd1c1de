"""A model zoo for neural style transfer: timm for painting styles.

    import stylezoo
    stylezoo.load("johnson/mosaic").stylize(image)

The names below are imported when they are first used, so that `import stylezoo` alone loads next to nothing.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# onnxruntime would write an id of this device into the user's cache and send it: read once, when it is imported
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "ModelSpec",
    "Stylizer",
    "__version__",
    "add_zoo",
    "create_backbone",
    "create_model",
    "errors",
    "list_models",
    "load",
    "model_info",
    "stylize",
]

if TYPE_CHECKING:
    from stylezoo import errors
    from stylezoo.backbones import create_backbone
    from stylezoo.models import create_model
    from stylezoo.stylizer.loading import load, stylize
    from stylezoo.stylizer.stylizer import Stylizer
    from stylezoo.zoo.catalog import add_zoo, list_models, model_info
    from stylezoo.zoo.spec import ModelSpec

_HOMES = {
    "ModelSpec": "stylezoo.zoo.spec",
    "Stylizer": "stylezoo.stylizer.stylizer",
    "add_zoo": "stylezoo.zoo.catalog",
    "create_backbone": "stylezoo.backbones",
    "create_model": "stylezoo.models",
    "list_models": "stylezoo.zoo.catalog",
    "load": "stylezoo.stylizer.loading",
    "model_info": "stylezoo.zoo.catalog",
    "stylize": "stylezoo.stylizer.loading",
}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("stylezoo.errors")  # importing a submodule also sets it here
    if name not in _HOMES:
        raise AttributeError(f"module 'stylezoo' has no attribute '{name}'")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # the next look-up finds it without this function
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

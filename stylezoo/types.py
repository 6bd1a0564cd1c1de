"""Aliases for what the public functions accept."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias, Union

if TYPE_CHECKING:
    import numpy
    import PIL.Image
    import torch

PathLike: TypeAlias = Union[str, "os.PathLike[str]"]
"""A path of the file system."""

ImageLike: TypeAlias = Union[PathLike, bytes, "PIL.Image.Image", "numpy.ndarray", "torch.Tensor"]
"""A picture: a path, an encoded file's bytes, a PIL image, an HxW or HxWxC array (uint8, or float in [0, 1]),
or a CxHxW or NxCxHxW tensor (uint8, or float in [0, 1])."""

StyleLike: TypeAlias = Union[str, int, Mapping[str, float], None]
"""Which style of a model: None (its only one), a name, an index, or names with weights."""

MaskLike: TypeAlias = Union["ImageLike", Mapping[str, "ImageLike"], Sequence[tuple["StyleLike", "ImageLike"]], None]
"""Where to paint: a picture (white is painted), styles with such pictures, or None (everywhere)."""

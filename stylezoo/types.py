"""Aliases for what the public functions accept."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Union

if TYPE_CHECKING:
    import numpy
    import PIL.Image
    import torch

    from stylezoo.runtime.base import StyleCode

PathLike: TypeAlias = Union[str, "os.PathLike[str]"]
"""A path of the file system."""

ImageLike: TypeAlias = Union[PathLike, bytes, "PIL.Image.Image", "numpy.ndarray", "torch.Tensor"]
"""A picture: a path, an encoded file's bytes, a PIL image, an HxW or HxWxC array (uint8, or float in [0, 1]),
or a CxHxW or NxCxHxW tensor (uint8, or float in [0, 1])."""

StyleLike: TypeAlias = Union["ImageLike", int, "StyleCode", Mapping[Any, float], Sequence[Any], None]
"""A style: None (a model's only one), a name, an index, a `StyleCode`, a picture where the model takes any, or a mix: a
mapping of these to weights, a list of them, or of (style, weight) pairs."""

MaskLike: TypeAlias = Union["ImageLike", Mapping[Any, "ImageLike"], Sequence[tuple["StyleLike", "ImageLike"]], None]
"""Where to stylize: a picture or a boolean array or tensor (white is stylized), styles with such pictures, or None
(everywhere)."""

Keep: TypeAlias = Literal["keep", "safe", "none"]
"""What of a file's metadata a result keeps; see `stylezoo.images.metadata.read_metadata`."""

"""What a family's weights are, without torch: their names and shapes, their rows, and who computes them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from stylezoo.errors import OptionError
from stylezoo.runtime.architecture import Shapes
from stylezoo.zoo.families import FAMILIES, resolve

if TYPE_CHECKING:
    from stylezoo.runtime.onnx import OnnxRuntime
    from stylezoo.runtime.weights import Weights

Tensors = Mapping[str, NDArray[Any]]


class Layout:
    """A family's weights. This one is of families that torch alone computes; others override what they know.

    Attributes:
        rows: the name of the tensor, (S, A), that holds a row for each style.
        mixes: whether a code holds shares of the rows, (1, S), rather than a row, (1, A).
    """

    rows: ClassVar[str] = "styles"
    mixes: ClassVar[bool] = False

    def shapes(self, arch: Mapping[str, Any]) -> Shapes | None:
        """Return the names and shapes of the weights; None where they are not known without torch."""
        return None

    def computes(self, arch: Mapping[str, Any]) -> bool:
        """Return whether onnxruntime computes such a net."""
        return False

    def open(self, weights: Weights) -> OnnxRuntime:
        """Return the runtime of a net that `computes` says yes to."""
        raise OptionError(f"{weights.family} models run only on torch: use backend='torch'")

    def learns_photo(self, arch: Mapping[str, Any]) -> bool:
        """Return whether the last row gives the photo back."""
        return False

    def trunk_hash(self, arch: Mapping[str, Any], tensors: Tensors) -> str:
        """Return the SHA-256 of what all styles share: two nets of one hash take each other's rows."""
        return hash_tensors({name: value for name, value in tensors.items() if name != self.rows})


@cache
def _layout(place: str | None) -> Layout:
    layout: Layout = Layout() if place is None else resolve(place)()
    return layout


def layout_of(family: str) -> Layout:
    """Return the layout of a family's weights."""
    return _layout(FAMILIES[family].layout)


def hash_tensors(tensors: Tensors) -> str:
    """Return the SHA-256 of weights.

    Taken of the weights in float16, so that a net has the same hash before and after it is published in float16.
    """
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {tuple(value.shape)}".encode())
        digest.update(np.ascontiguousarray(value, dtype=np.float16).tobytes())
    return digest.hexdigest()

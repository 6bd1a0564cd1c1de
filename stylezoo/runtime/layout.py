"""The weights of a family: names and shapes, rows, and the runtimes that support them. Imports no torch."""

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
    """The weights of a family. This base class is for families that run only on torch.

    Attributes:
        rows: name of the tensor, (S, A), with one row per style.
        mixes: whether a code is shares of the rows, (1, S), rather than a row, (1, A).
        packs: prefixes of the parts whose large kernels a release holds as 8-bit tables. Codes do not depend on them,
            so that rows and cards serve a net before and after its release.
    """

    rows: ClassVar[str] = "styles"
    mixes: ClassVar[bool] = False
    packs: ClassVar[tuple[str, ...]] = ()

    def shapes(self, arch: Mapping[str, Any]) -> Shapes | None:
        """Return the names and shapes of the weights; None if they are unknown without torch."""
        return None

    def computes(self, arch: Mapping[str, Any]) -> bool:
        """Whether onnxruntime can run such a net."""
        return False

    def open(self, weights: Weights) -> OnnxRuntime:
        """Return the onnxruntime runtime of a net for which `computes` is true."""
        raise OptionError(f"{weights.family} models run only on torch: use backend='torch'")

    def learns_photo(self, arch: Mapping[str, Any]) -> bool:
        """Whether the last row reconstructs the photo."""
        return False

    def trunk_hash(self, arch: Mapping[str, Any], tensors: Tensors) -> str:
        """Return the SHA-256 of the weights that all styles share: nets with the same hash can exchange rows."""
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

    Computed in float16, so that a net has the same hash before and after it is published in float16.
    """
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {tuple(value.shape)}".encode())
        digest.update(np.ascontiguousarray(value, dtype=np.float16).tobytes())
    return digest.hexdigest()

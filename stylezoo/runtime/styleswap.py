"""styleswap on onnxruntime: the encoder and the decoder as sessions, the swap by numpy."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from stylezoo.errors import StyleError
from stylezoo.images.planes import pad_to_multiple, pool, resize
from stylezoo.images.sizes import SMALLEST_STYLE
from stylezoo.runtime import mirror_graphs
from stylezoo.runtime.architecture import Shapes, decoder_shapes
from stylezoo.runtime.base import Floats, Passes, Statistics
from stylezoo.runtime.layout import Layout, Tensors
from stylezoo.runtime.onnx import OnnxRuntime, Session
from stylezoo.runtime.swap import CHANNELS, LAYER, STEP, Swap, level_sizes, read_code, write_code, write_region_codes
from stylezoo.runtime.vgg import hash_layers, open_vgg
from stylezoo.runtime.weights import Weights

PREFIX = f"decoders.{LAYER}"
STRIP, AROUND = 64, 16  # px: rows of a style image that are encoded at once, and what `LAYER` sees around them


class StyleSwapLayout(Layout):
    """The decoder of `LAYER`."""

    packs = ("decoders.",)

    def shapes(self, arch: Mapping[str, Any]) -> Shapes:
        Swap(**arch)
        return decoder_shapes(LAYER, PREFIX)

    def computes(self, arch: Mapping[str, Any]) -> bool:
        return True

    def open(self, weights: Weights) -> OnnxRuntime:
        return StyleSwapRuntime(weights)

    def trunk_hash(self, arch: Mapping[str, Any], tensors: Tensors) -> str:
        return hash_layers([LAYER])


class StyleSwapRuntime(OnnxRuntime):
    """A styleswap net. It has no norms, so no statistics."""

    norms = 0
    gives_back = True
    wraps = False  # patches end at the border
    mixes = False
    code_width = None
    floats_per_pixel = 64.0

    def __init__(self, weights: Weights, wrap: bool = False) -> None:
        super().__init__(weights, wrap)
        self._decoder = Session(lambda: mirror_graphs.decoder_graph(weights.floats, LAYER, PREFIX))
        self.how = Swap(**weights.arch)

    @property
    def multiple(self) -> int:  # type: ignore[override]
        return self.how.multiple

    @property
    def minimum(self) -> int:  # type: ignore[override]
        return self.how.minimum

    def tuned(self, **options: Any) -> Self:
        other = super().tuned(**options)
        other.how = dataclasses.replace(self.how, **options)
        return other

    def named_code(self, style: int) -> Floats:
        raise StyleError("a styleswap net has no named styles: give a style image")

    def encode(self, style: Floats, regions: Floats | None = None) -> Floats:
        style = pad_to_multiple(style, 1, SMALLEST_STYLE)
        sizes = level_sizes(style.shape[-2], style.shape[-1])
        shapes = [(CHANNELS, height // STEP, width // STEP) for height, width in sizes]
        code: Floats = write_code([np.zeros(shape, dtype=np.float32) for shape in shapes], np)
        maps = read_code(code[0])
        for part, size in zip(maps, sizes, strict=True):
            _features(resize(style, size), part)  # in its place: it may be large
        if regions is None:
            return code
        parts = pad_to_multiple(regions, 1, SMALLEST_STYLE)
        shares = [pool(parts, (one.shape[-2], one.shape[-1]))[0] for one in maps]
        codes: Floats = write_region_codes(maps, shares, np)
        return codes

    def photo_code(self, x: Floats, statistics: Statistics | None = None) -> None:
        return None

    def run(
        self,
        x: Floats,
        code: Floats,
        shares: Floats | None = None,
        statistics: Statistics | None = None,
        passes: Passes | None = None,
    ) -> Floats:
        results = []
        for index in range(len(x)):
            features = _features(x[index, None])
            if shares is None:
                target = self._swapped(features, code[index % len(code)])
            else:
                pairs = zip(_pooled(shares[index % len(shares)]), code, strict=True)
                target = np.stack([share * self._swapped(features, row) for share, row in pairs]).sum(axis=0)
            results.append(self._decoder(image=target[None])[0])
        return np.concatenate(results)

    def measure(
        self, x: Floats, code: Floats, passes: Passes | None = None, shares: Floats | None = None
    ) -> Statistics:
        return np.zeros((len(x), 0), dtype=np.float32)

    def _swapped(self, features: Floats, code: Floats) -> Floats:
        """Return features, (C, h, w), of a style's patches."""
        height, width = features.shape[1:]
        rows, columns = self.how.padding(height), self.how.padding(width)
        padded = np.pad(features, ((0, 0), rows, columns), mode="reflect")
        found: Floats = self.how.features(np, padded, read_code(code))
        return found[:, rows[0] : rows[0] + height, columns[0] : columns[0] + width]


def _pooled(shares: Floats) -> Floats:
    """Return the shares, (K, H, W), of every position of the features."""
    count, height, width = shares.shape
    pooled: Floats = shares.reshape(count, height // STEP, STEP, width // STEP, STEP).mean(axis=(2, 4))
    return pooled


def _features(x: Floats, room: Floats | None = None) -> Floats:
    """Return the features, (C, h, w), of one picture, (1, 3, H, W), in `room` if there is one.

    They are computed in strips: a large picture would take gigabytes.
    """
    rows, columns = (side // STEP for side in x.shape[-2:])
    found: Floats = np.empty((CHANNELS, rows, columns), dtype=np.float32) if room is None else room
    for top in range(0, rows * STEP, STRIP):
        first = max(0, top - AROUND)
        part = open_vgg(LAYER)(image=x[..., first : top + STRIP + AROUND, :])[0][0]
        here = found[:, top // STEP : (top + STRIP) // STEP]
        here[:] = part[:, (top - first) // STEP :][:, : here.shape[1]]
    return found

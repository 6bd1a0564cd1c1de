"""adain on onnxruntime."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from stylezoo.images.planes import pad_to_multiple, pool
from stylezoo.images.sizes import SMALLEST_STYLE
from stylezoo.runtime import mirror_graphs
from stylezoo.runtime.architecture import MIRROR, VGG_CHANNELS, Shapes, decoder_shapes
from stylezoo.runtime.base import LIMIT, SHIFT, Floats, Passes, Statistics
from stylezoo.runtime.graphs import EPS
from stylezoo.runtime.layout import Layout, Tensors, hash_tensors
from stylezoo.runtime.onnx import OnnxRuntime, Session, region_moments
from stylezoo.runtime.vgg import CAFFE, VGG_SCALE, open_vgg
from stylezoo.runtime.weights import Weights

LAYER = "relu4_1"
CHANNELS = VGG_CHANNELS[LAYER]


class AdaINLayout(Layout):
    """A decoder, and rows of means and deviations at `LAYER`."""

    packs = ("decoder.",)

    def shapes(self, arch: Mapping[str, Any]) -> Shapes | None:
        if not self.computes(arch):
            return None
        shapes: Shapes = {self.rows: (int(arch.get("styles", 0)), 2 * CHANNELS)}
        return shapes | decoder_shapes()

    def computes(self, arch: Mapping[str, Any]) -> bool:
        return bool(arch.get("encoder", CAFFE) == CAFFE)

    def open(self, weights: Weights) -> OnnxRuntime:
        return AdaINRuntime(weights)

    def trunk_hash(self, arch: Mapping[str, Any], tensors: Tensors) -> str:
        """Return the SHA-256 of the encoder and layer, on which codes depend."""
        own = {k.removeprefix("encoder."): v for k, v in tensors.items() if k.startswith("encoder.")}
        weights = f" {hash_tensors(own)}" if own else ""
        return hashlib.sha256(f"{arch.get('encoder', CAFFE)} {LAYER}{weights}".encode()).hexdigest()


class AdaINRuntime(OnnxRuntime):
    """An adain net on VGG19 of the Caffe lineage. Its one norm is computed by numpy between encoder and decoder."""

    multiple = 2 ** (len(MIRROR) - 1)
    minimum = 2 * multiple
    norms = 1
    measures_photo = True
    measures_parts = True
    gives_back = False
    code_width = 2 * CHANNELS
    floats_per_pixel = 64.0

    def __init__(self, weights: Weights, wrap: bool = False) -> None:
        super().__init__(weights, wrap)
        self._encoder = open_vgg(LAYER, wrap=wrap)
        self._decoder = Session(lambda: mirror_graphs.decoder_graph(weights.floats, wrap=wrap))

    def open(self) -> None:
        """Do nothing: these sessions take long to open, and rarely fail."""

    def encode(self, style: Floats, regions: Floats | None = None) -> Floats:
        style, *parts = (pad_to_multiple(v, 1, SMALLEST_STYLE) for v in (style, regions) if v is not None)
        return self.photo_code(style, np.concatenate(self._moments(self._features(style), *parts), axis=1))

    def photo_code(self, x: Floats, statistics: Statistics | None = None) -> Floats:
        if statistics is None:
            statistics = np.concatenate(self._moments(self._features(x)), axis=1)
        mean, inverse = np.split(statistics, 2, axis=1)
        return np.concatenate([mean, 1 / inverse], axis=1)

    def run(
        self,
        x: Floats,
        code: Floats,
        shares: Floats | None = None,
        statistics: Statistics | None = None,
        passes: Passes | None = None,
    ) -> Floats:
        if len(x) > 1 and passes is None:
            codes = code if len(code) > 1 and shares is None else None
            rows = [self.run(x[i, None], code if codes is None else codes[i, None], shares) for i in range(len(x))]
            return np.concatenate(rows)
        features = self._features(x)
        mean, inverse = self._mixed(features, passes) if statistics is None else np.split(statistics, 2, axis=1)
        beta, gamma = np.split(np.asarray(code, dtype=np.float32), 2, axis=1)
        scale = inverse * gamma
        shift = beta - mean * scale
        if shares is None:
            target = features * scale[..., None, None] + shift[..., None, None]
        else:
            here = pool(shares, (features.shape[-2], features.shape[-1]))[0]
            scale, shift = (np.tensordot(rows.T, here, axes=1)[None] for rows in (scale, shift))
            target = features * scale
            target += shift
        target /= np.float32(VGG_SCALE)
        return self._decoder(image=target)[0]

    def measure(
        self, x: Floats, code: Floats, passes: Passes | None = None, shares: Floats | None = None
    ) -> Statistics:
        return np.concatenate(self._mixed(self._features(x), passes, shares), axis=1)

    def _features(self, x: Floats) -> Floats:
        features = self._encoder(image=x)[0]
        features *= np.float32(VGG_SCALE)
        return features

    def _moments(self, features: Floats, regions: Floats | None = None) -> tuple[Floats, Floats]:
        """Return the mean and the inverse standard deviation of each channel, (N or K, C) each."""
        if regions is None:
            flat = features.reshape(*features.shape[:2], -1)
            mean = flat.mean(axis=2)
            variance = np.square(flat - mean[..., None]).mean(axis=2)
        else:
            mean, variance = region_moments(features, regions)
        return mean, 1 / np.sqrt(variance + np.float32(EPS * VGG_SCALE**2))

    def _mixed(self, features: Floats, passes: Passes | None, shares: Floats | None = None) -> tuple[Floats, Floats]:
        mean, inverse = self._moments(features, shares)
        if passes is None:
            return mean, inverse
        now = np.concatenate([mean, inverse], axis=1)
        before = passes.before()
        if before is not None and before.shape == now.shape:
            half = np.float32(SHIFT) / inverse
            least = np.concatenate([mean - half, inverse / np.float32(LIMIT)], axis=1)
            most = np.concatenate([mean + half, inverse * np.float32(LIMIT)], axis=1)
            now = now + np.float32(passes.share) * (before.clip(least, most) - now)
        passes.keep(now)
        mean, inverse = np.split(now, 2, axis=1)
        return mean, inverse

"""wct on onnxruntime: encoders and decoders as sessions, eigenvectors by numpy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from stylezoo.errors import StyleError
from stylezoo.images.planes import pad_to_multiple, pool
from stylezoo.images.sizes import SMALLEST_STYLE
from stylezoo.runtime import mirror_graphs
from stylezoo.runtime.architecture import Shapes, decoder_shapes
from stylezoo.runtime.base import Floats, Passes, Statistics
from stylezoo.runtime.layout import Layout, Tensors
from stylezoo.runtime.onnx import OnnxRuntime, Session
from stylezoo.runtime.vgg import hash_layers, open_vgg
from stylezoo.runtime.weights import Weights
from stylezoo.runtime.whiten import CODE_WIDTH, LAYERS, PARTS, measure, steadied, transfer


class WCTLayout(Layout):
    """Decoders of `LAYERS`."""

    packs = ("decoders.",)

    def shapes(self, arch: Mapping[str, Any]) -> Shapes:
        shapes: Shapes = {}
        for layer in LAYERS:
            shapes |= decoder_shapes(layer, f"decoders.{layer}")
        return shapes

    def computes(self, arch: Mapping[str, Any]) -> bool:
        return True

    def open(self, weights: Weights) -> OnnxRuntime:
        return WCTRuntime(weights)

    def trunk_hash(self, arch: Mapping[str, Any], tensors: Tensors) -> str:
        return hash_layers(LAYERS)


class WCTRuntime(OnnxRuntime):
    """A wct net. A row of statistics holds the means and covariances of `LAYERS`."""

    multiple = 8
    minimum = 16
    norms = len(LAYERS)
    gives_back = False
    measures_parts = True
    code_width = CODE_WIDTH
    floats_per_pixel = 96.0

    def __init__(self, weights: Weights, wrap: bool = False) -> None:
        super().__init__(weights, wrap)
        write = partial(mirror_graphs.decoder_graph, weights.floats, wrap=wrap)
        self._decoders = {layer: Session(partial(write, layer, f"decoders.{layer}")) for layer in LAYERS}

    def named_code(self, style: int) -> Floats:
        raise StyleError("a wct net has no named styles: give a style image")

    def encode(self, style: Floats, regions: Floats | None = None) -> Floats:
        features = open_vgg(*reversed(LAYERS))(image=pad_to_multiple(style, 1, SMALLEST_STYLE))[::-1]
        parts = None if regions is None else pad_to_multiple(regions, 1, SMALLEST_STYLE)
        rows = [
            np.concatenate([part.reshape(len(part), -1) for part in _measured(one, parts)], axis=1) for one in features
        ]
        return np.concatenate([*rows, np.ones((len(rows[0]), 1), np.float32)], axis=1)

    def photo_code(self, x: Floats, statistics: Statistics | None = None) -> Floats:
        return np.zeros((1, CODE_WIDTH), dtype=np.float32)

    def run(
        self,
        x: Floats,
        code: Floats,
        shares: Floats | None = None,
        statistics: Statistics | None = None,
        passes: Passes | None = None,
    ) -> Floats:
        if len(x) > 1 and passes is None:
            codes = [code[i % len(code), None] if shares is None else code for i in range(len(x))]
            return np.concatenate([self.run(x[i, None], codes[i], shares, statistics) for i in range(len(x))])
        return self._through(x, code, shares, statistics, passes)[0]

    def measure(
        self, x: Floats, code: Floats, passes: Passes | None = None, shares: Floats | None = None
    ) -> Statistics:
        return self._through(x, code, shares, None, passes, own=shares is not None)[1]

    def _through(
        self,
        x: Floats,
        code: Floats,
        shares: Floats | None,
        statistics: Statistics | None,
        passes: Passes | None,
        own: bool = False,
    ) -> tuple[Floats, Statistics]:
        """Return the result, and the statistics, (N, S), or (K, S) of the regions' `own`, that it was made with."""
        known = None if statistics is None else _split(statistics)
        before = None if passes is None else passes.before()
        carried = None if before is None or len(before) != (len(code) if own else len(x)) else _split(before)
        target, alpha = _split(code[:, :-1]), code[:, -1]
        used: list[Floats] = []
        for level, layer in enumerate(LAYERS):
            features = open_vgg(layer, wrap=self.wrap)(image=x)[0]
            if known is not None:
                pairs = known[level]
            else:
                pairs = list(zip(*_measured(features, shares if own else None), strict=True))
                if passes is not None and carried is not None:
                    mixed = zip(pairs, carried[level], strict=True)
                    pairs = [steadied(*now, then, passes.share) for now, then in mixed]
            used += [np.stack([mean for mean, _ in pairs]), np.stack([c.ravel() for _, c in pairs])]
            for index, one in enumerate(features):
                here = range(len(code)) if shares is not None else [index % len(code)]
                rows = [
                    (*pairs[(k if known or own else index) % len(pairs)], *target[level][k], float(alpha[k]))
                    for k in here
                ]
                one[:] = _changed(one, rows, None if shares is None else shares[0])
            x = self._decoders[layer](image=features)[0]
        now = np.concatenate(used, axis=1)
        if passes is not None:
            passes.keep(now)
        return x, now


def _measured(features: Floats, regions: Floats | None) -> tuple[Floats, Floats]:
    """Return the means and covariances of features, (N, C, h, w), or of regions, (1, K, H, W), of one picture."""
    flat = features.reshape(*features.shape[:2], -1)
    if regions is None:
        pairs = [measure(one) for one in flat]
    else:
        shares = pool(regions, (features.shape[-2], features.shape[-1]))[0]
        pairs = [measure(flat[0], share.ravel()) for share in shares]
    means, covariances = (np.stack(part) for part in zip(*pairs, strict=True))
    return means, covariances


def _split(rows: Floats) -> list[list[tuple[Floats, Floats]]]:
    """Return for each layer the mean, (C,), and the covariance, (C, C), in every one of `rows`."""
    parts = np.split(rows, np.cumsum(PARTS)[:-1], axis=1)
    return [
        [(mean, flat.reshape(len(mean), -1)) for mean, flat in zip(means, flats, strict=True)]
        for means, flats in zip(parts[::2], parts[1::2], strict=True)
    ]


def _changed(
    features: Floats, rows: list[tuple[Floats, Floats, Floats, Floats, float]], shares: Floats | None
) -> Floats:
    """Return features, (C, h, w), in the style of `rows`, or mixed of all by their `shares`, (K, H, W)."""
    channels, height, width = features.shape
    flat = features.reshape(channels, -1)
    total: Floats | None = None
    for k, (mean, covariance, target, style, alpha) in enumerate(rows):
        matrix, shift = transfer(covariance, mean, style, target, alpha)
        one = matrix @ (flat - mean[:, None]) + shift[:, None]
        if shares is not None:
            one *= pool(shares[None, k, None], (height, width)).ravel()
        total = one if total is None else total + one
    assert total is not None
    return total.reshape(features.shape)

"""VGG19 on onnxruntime, from the 8-bit tables bundled with the package."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from safetensors.numpy import load_file

from stylezoo.runtime import mirror_graphs
from stylezoo.runtime.onnx import Session
from stylezoo.runtime.tables import unpack
from stylezoo.zoo.store import BUNDLED

CAFFE = "vgg19:caffe"
TABLES = BUNDLED / "vgg19-caffe.safetensors"
"""VGG19 to relu4_1: for each layer its weights as an 8-bit table, and its biases."""
MEAN, DEVIATION = (123.68 / 255, 116.779 / 255, 103.939 / 255), 1 / 255
VGG_SCALE = 512.0
"""Features are divided by this, to be about 1; see `stylezoo.nn.mirror.divide_features`."""


def hash_layers(layers: Sequence[str]) -> str:
    """Return the SHA-256 of the encoder and `layers` of it, on which the codes of nets that change them depend."""
    return hashlib.sha256(f"{CAFFE} {' '.join(layers)}".encode()).hexdigest()


@lru_cache(maxsize=8)
def open_vgg(*layers: str, wrap: bool = False) -> Session:
    """Return VGG19 up to the last of `layers`, rising: of an `image`, the features at each, divided by VGG_SCALE.

    With `wrap`, borders are padded circularly.
    """

    def write() -> bytes:
        weights = unpack(load_file(TABLES), str(TABLES))
        biases = {name: bias / np.float32(VGG_SCALE) for name, bias in weights.items() if name.endswith(".bias")}
        mean = np.array(MEAN, dtype=np.float32).reshape(1, 3, 1, 1)
        return mirror_graphs.vgg_graph(weights | biases, mean, np.float32(DEVIATION * VGG_SCALE), layers, wrap)

    return Session(write)

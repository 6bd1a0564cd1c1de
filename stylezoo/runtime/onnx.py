"""Nets by onnxruntime on the CPU: numpy in, numpy out, and no torch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, ClassVar

import numpy as np
from safetensors.numpy import load_file

from stylezoo.errors import WeightsError
from stylezoo.image.planes import pad_to_multiple
from stylezoo.image.sizes import SMALLEST_STYLE
from stylezoo.runtime import graphs
from stylezoo.runtime.architecture import CHANNELS, MIRROR, MULTIPLE, Trunk
from stylezoo.runtime.architecture import MINIMUM as TRUNK_MINIMUM
from stylezoo.runtime.base import LIMIT, SHIFT, Floats, NeedsTilesError, Passes, Runtime, Sizes, Statistics
from stylezoo.runtime.device import INSTALL, has_torch, stated_threads
from stylezoo.runtime.memory import MOST, free_memory, whole_bytes
from stylezoo.runtime.weights import ADAIN, CAFFE, TRUNKS, Weights
from stylezoo.zoo.store import BUNDLED

TABLES = BUNDLED / "vgg19-caffe.safetensors"
"""VGG19 to relu4_1: for each layer the indices of its weights, 256 values and the biases."""
MEAN, DEVIATION = (123.68 / 255, 116.779 / 255, 103.939 / 255), 1 / 255
VGG_SCALE = 512.0
"""What adain's features are divided by, so that they are about 1; see `stylezoo.models.adain.divide_features`."""


class Session:
    """A graph with its weights, opened when it is first called. Any number of threads may call it."""

    def __init__(self, write: Callable[[], bytes]) -> None:
        self._write = write
        self._session: Any = None
        self._lock = threading.Lock()

    def __call__(self, **inputs: Floats) -> list[Floats]:
        """Return the outputs."""
        results: list[Floats] = self.open().run(None, {k: np.ascontiguousarray(v) for k, v in inputs.items()})
        return results

    def open(self) -> Any:
        """Return the session of onnxruntime."""
        with self._lock:
            if self._session is None:
                self._session = open_session(self._write())
            return self._session


def open_session(model: bytes) -> Any:
    """Return an onnxruntime session for the CPU. Raises WeightsError where it is no graph that can be computed."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = stated_threads() or 0
    # Threads that wait for the next picture by spinning take the processor from what else computes in between.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as cause:  # of a class of its own for each kind
        raise WeightsError(f"onnxruntime cannot compute this net: {cause}; use backend='torch'") from cause


class OnnxRuntime(Runtime):
    """What the families have in common."""

    name: ClassVar[str] = "onnx"
    floats_per_pixel: float

    def __init__(self, weights: Weights) -> None:
        self.weights = weights

    def named_code(self, style: int) -> Floats:
        return self.weights.named_code(style)

    def fit(self, tile: Any, sizes: Sizes, code: Floats, count: int = 1) -> None:
        if tile is None:
            return
        if tile != "auto":
            raise NeedsTilesError(f"tile={tile} needs PyTorch, which is not installed: {INSTALL}; or leave tile out")
        needed = count * whole_bytes(sizes, round(16 * self.floats_per_pixel))
        free = free_memory()
        # Without torch there are no tiles to fall back on: then all but a reserve may be used.
        limit = min(free // 2, MOST) if has_torch() else free * 4 // 5
        if needed > limit:
            height, width = sizes.result
            asked, there = (f"{size / 2**30:.1f} GB" for size in (needed, limit))
            raise NeedsTilesError(
                f"a result of {width}x{height} px takes about {asked} of memory at once, of which {there} may be used: "
                f"tiles need PyTorch ({INSTALL}); or make it smaller (size)"
            )

    def _each(self, x: Floats, code: Floats, run: Callable[[Floats, Floats], Floats]) -> Floats:
        """Return what `run` makes of pictures that have a code each, one after another."""
        return np.concatenate([run(x[i, None], code[i, None]) for i in range(len(x))])


class TrunkRuntime(OnnxRuntime):
    """A johnson, cin or ghiasi net."""

    multiple = MULTIPLE
    minimum = TRUNK_MINIMUM
    gives_back = True

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self._trunk = trunk = Trunk(weights.arch)
        self.norms = len(trunk.norm_widths)
        self.floats_per_pixel = trunk.floats_per_pixel()
        self.code_width = len(weights.rows) if weights.family == "cin" else trunk.affine_size
        self._sessions = {
            mode: Session(partial(graphs.trunk_graph, trunk, weights.floats, mode)) for mode in graphs.MODES
        }
        self._encoder = Session(lambda: graphs.style_encoder_graph(weights.floats))

    def open(self) -> None:
        """Open the session that plain pictures need."""
        self._sessions["plain"].open()

    def encode(self, style: Floats) -> Floats:
        if self.weights.family != "ghiasi":
            return self.named_code(0)[:0]  # no caller gets here: only arbitrary nets are given style images
        (x,) = self._encoder(image=pad_to_multiple(style, 1, SMALLEST_STYLE))
        x = self._linear("encoder.head.2", self._linear("encoder.head.0", x).clip(0))
        if not self.weights.arch.get("folded"):
            x = self._linear("predictor.0", x)
        return self._linear("predictor.4", self._linear("predictor.2", x.clip(0)).clip(0))

    def _linear(self, name: str, x: Floats) -> Floats:
        weights = self.weights.floats
        result: Floats = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        return result

    def photo_code(self, x: Floats) -> Floats | None:
        return self.named_code(-1) if self.weights.learns_photo else None

    def run(
        self,
        x: Floats,
        code: Floats,
        shares: Floats | None = None,
        statistics: Statistics | None = None,
        passes: Passes | None = None,
    ) -> Floats:
        affine = self._affine(code)
        if shares is not None and statistics is not None:
            return self._sessions["regions"](image=x, affine=affine, statistics=statistics, shares=shares)[0]
        if shares is not None:  # all regions have one style, see `render`
            affine = affine[:1]
        elif len(affine) > 1:
            return self._each(x, code, lambda one, its: self.run(one, its, passes=passes))
        if passes is None:
            return self._sessions["plain"](image=x, affine=affine)[0]
        result, now = self._smoothed(x, affine, passes)
        passes.keep(now)
        return result

    def measure(self, x: Floats, code: Floats, passes: Passes | None = None) -> Statistics:
        _, now = self._smoothed(x, self._affine(code), passes)
        if passes is not None:
            passes.keep(now)
        return now

    def _smoothed(self, x: Floats, affine: Floats, passes: Passes | None) -> list[Floats]:
        before, share = None if passes is None else passes.before(), 0.0 if passes is None else passes.share
        if before is None or before.shape != (len(x), affine.shape[1]):
            before, share = np.zeros((len(x), affine.shape[1]), dtype=np.float32), 0.0
        return self._sessions["smoothed"](image=x, affine=affine, before=before, share=np.array([share], np.float32))

    def _affine(self, code: Floats) -> Floats:
        code = np.asarray(code, dtype=np.float32)
        if self.weights.family != "cin":
            return code
        used = np.flatnonzero(code.any(axis=0))  # one after another: rows that have no part change no bit
        affine: Floats = np.add.reduce(code[:, used, None] * self.weights.rows[used], axis=1)
        return affine


class AdaINRuntime(OnnxRuntime):
    """An adain net on VGG19 of the Caffe lineage. Its one norm is computed by numpy between encoder and decoder."""

    multiple = 2 ** (len(MIRROR) - 1)
    minimum = 2 * multiple
    norms = 1
    gives_back = False
    code_width = 2 * CHANNELS
    floats_per_pixel = 64.0

    def __init__(self, weights: Weights) -> None:
        super().__init__(weights)
        self._encoder = _vgg()
        self._decoder = Session(lambda: graphs.decoder_graph(weights.floats))

    def open(self) -> None:
        """Nothing: the sessions take longer than others to open, and little can be wrong with them."""

    def encode(self, style: Floats) -> Floats:
        return self.photo_code(pad_to_multiple(style, 1, SMALLEST_STYLE))

    def photo_code(self, x: Floats) -> Floats:
        mean, inverse = self._moments(self._features(x))
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
        mean, inverse = (v[..., None, None] for v in self._mixed(features, passes))
        beta, gamma = np.split(np.asarray(code, dtype=np.float32), 2, axis=1)
        if shares is None:
            beta, gamma = beta[..., None, None], gamma[..., None, None]
        else:
            beta, gamma = (self._per_pixel(rows, shares, features) for rows in (beta, gamma))
        scale = inverse * gamma
        target = features * scale
        target += beta - mean * scale
        target /= np.float32(VGG_SCALE)
        return self._decoder(image=target)[0]

    def measure(self, x: Floats, code: Floats, passes: Passes | None = None) -> Statistics:
        return np.concatenate(self._mixed(self._features(x), passes), axis=1)

    def _features(self, x: Floats) -> Floats:
        features = self._encoder(image=x)[0]
        features *= np.float32(VGG_SCALE)
        return features

    def _moments(self, features: Floats) -> tuple[Floats, Floats]:
        """Return the mean and the inverse deviation of each channel, (N, C) each."""
        flat = features.reshape(*features.shape[:2], -1)
        mean = flat.mean(axis=2)
        variance = np.square(flat - mean[..., None]).mean(axis=2)
        return mean, 1 / np.sqrt(variance + np.float32(graphs.EPS * VGG_SCALE**2))

    def _mixed(self, features: Floats, passes: Passes | None) -> tuple[Floats, Floats]:
        mean, inverse = self._moments(features)
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

    @staticmethod
    def _per_pixel(rows: Floats, shares: Floats, features: Floats) -> Floats:
        """Return the mix of `rows`, (K, C), of every position of the features, (1, C, h, w)."""
        height, width = features.shape[-2:]
        count = shares.shape[1]
        pooled = shares[0].reshape(count, height, shares.shape[-2] // height, width, -1).mean(axis=(2, 4))
        return np.tensordot(rows.T, pooled, axes=1)[None]


@lru_cache(maxsize=1)
def _vgg() -> Session:
    """Return VGG19 to relu4_1, whose features are divided by VGG_SCALE."""

    def write() -> bytes:
        tables = load_file(TABLES)
        weights = {}
        for layer in {name.partition(".")[0] for name in tables}:
            weights[f"{layer}.weight"] = tables[f"{layer}.table"].astype(np.float32)[tables[f"{layer}.codes"]]
            weights[f"{layer}.bias"] = tables[f"{layer}.bias"].astype(np.float32) / np.float32(VGG_SCALE)
        mean = np.array(MEAN, dtype=np.float32).reshape(1, 3, 1, 1)
        return graphs.vgg_graph(weights, mean, np.float32(DEVIATION * VGG_SCALE))

    return Session(write)


def can_compute(family: str, arch: Any) -> bool:
    """Return whether onnxruntime computes nets of such a family and arch."""
    return family in TRUNKS or (family == ADAIN and arch.get("encoder", CAFFE) == CAFFE)


def open_runtime(weights: Weights) -> OnnxRuntime:
    """Return the runtime of a net that `can_compute` says yes to."""
    return AdaINRuntime(weights) if weights.family == ADAIN else TrunkRuntime(weights)

"""The families on the shared trunk, on onnxruntime: johnson, cin and ghiasi."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np

from stylezoo.images.planes import pad_to_multiple
from stylezoo.images.sizes import SMALLEST_STYLE
from stylezoo.runtime import graphs, mirror_graphs
from stylezoo.runtime.architecture import MINIMUM, MULTIPLE, Shapes, Trunk, encoder_shapes
from stylezoo.runtime.base import Floats, Passes, Statistics
from stylezoo.runtime.layout import Layout, Tensors, hash_tensors
from stylezoo.runtime.onnx import OnnxRuntime, Session, region_moments
from stylezoo.runtime.weights import Weights


class TrunkLayout(Layout):
    """A trunk, and a table of gammas and betas for its norms."""

    least_styles: ClassVar[int] = 1

    def shapes(self, arch: Mapping[str, Any]) -> Shapes:
        trunk = Trunk(arch)
        rows = int(arch.get("styles", self.least_styles)) + self.learns_photo(arch)
        return trunk.shapes() | {self.rows: (rows, trunk.affine_size)}

    def computes(self, arch: Mapping[str, Any]) -> bool:
        return True

    def open(self, weights: Weights) -> OnnxRuntime:
        return TrunkRuntime(weights)

    def learns_photo(self, arch: Mapping[str, Any]) -> bool:
        return bool(arch.get("photo", True))

    def trunk_hash(self, arch: Mapping[str, Any], tensors: Tensors) -> str:
        return hash_tensors({k.removeprefix("trunk."): v for k, v in tensors.items() if k.startswith("trunk.")})


class JohnsonLayout(TrunkLayout):
    """One row, and none for the photo."""

    rows = "style"

    def learns_photo(self, arch: Mapping[str, Any]) -> bool:
        return False


class CINLayout(TrunkLayout):
    """A code is the share of each row."""

    mixes = True


class GhiasiLayout(TrunkLayout):
    """An encoder predicts rows."""

    least_styles = 0

    def shapes(self, arch: Mapping[str, Any]) -> Shapes:
        return super().shapes(arch) | encoder_shapes(bool(arch.get("folded")), Trunk(arch).affine_size)


class TrunkRuntime(OnnxRuntime):
    """A net on the shared trunk."""

    multiple = MULTIPLE
    minimum = MINIMUM
    gives_back = True

    def __init__(self, weights: Weights, wrap: bool = False) -> None:
        super().__init__(weights, wrap)
        self._trunk = trunk = Trunk(weights.arch)
        self.norms = len(trunk.norm_widths)
        self.floats_per_pixel = trunk.floats_per_pixel()
        self.code_width = len(weights.rows) if weights.layout.mixes else trunk.affine_size
        self._sessions = {
            mode: Session(partial(graphs.trunk_graph, trunk, weights.floats, mode, wrap)) for mode in graphs.MODES
        }
        self._encoder = Session(lambda: mirror_graphs.style_encoder_graph(weights.floats))
        self._stages = Session(lambda: mirror_graphs.style_encoder_graph(weights.floats, pooled=False))

    def open(self) -> None:
        """Open the session for plain pictures."""
        self._sessions["plain"].open()

    def encode(self, style: Floats, regions: Floats | None = None) -> Floats:
        style = pad_to_multiple(style, 1, SMALLEST_STYLE)
        if regions is None:
            (x,) = self._encoder(image=style)
        else:
            parts = pad_to_multiple(regions, 1, SMALLEST_STYLE)
            moments = [region_moments(stage, parts) for stage in self._stages(image=style)]
            pooled = [
                value for mean, variance in moments for value in (mean, np.sqrt(variance + np.float32(graphs.EPS)))
            ]
            x = np.concatenate(pooled, axis=1)
        x = self._linear("encoder.head.2", self._linear("encoder.head.0", x).clip(0))
        if not self.weights.arch.get("folded"):
            x = self._linear("predictor.0", x)
        return self._linear("predictor.4", self._linear("predictor.2", x.clip(0)).clip(0))

    def _linear(self, name: str, x: Floats) -> Floats:
        weights = self.weights.floats
        result: Floats = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        return result

    def photo_code(self, x: Floats, statistics: Statistics | None = None) -> Floats | None:
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

    def measure(
        self, x: Floats, code: Floats, passes: Passes | None = None, shares: Floats | None = None
    ) -> Statistics:
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
        if not self.weights.layout.mixes:
            return code
        used = np.flatnonzero(code.any(axis=0))  # add only the used rows, so that new rows do not change a bit
        affine: Floats = np.add.reduce(code[:, used, None] * self.weights.rows[used], axis=1)
        return affine

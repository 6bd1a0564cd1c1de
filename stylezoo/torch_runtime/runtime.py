"""Nets by torch: on a GPU, in other dtypes, in tiles, and where each picture is optimised."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from stylezoo.models.base import StyleNet
from stylezoo.nn.circular import circular
from stylezoo.nn.norm import InstanceNorm, frozen_statistics, own_statistics, recorded_statistics, smoothed_statistics
from stylezoo.nn.norm import Statistics as ByName
from stylezoo.runtime.base import (
    Array,
    Floats,
    Passes,
    Region,
    Runtime,
    Sizes,
    Statistics,
    StyleCode,
    as_array,
)
from stylezoo.runtime.options import StylizeOptions, Tile
from stylezoo.torch_runtime.memory import Tiling, pick_tiling
from stylezoo.torch_runtime.tiled import render_tiled


class TorchRuntime(Runtime):
    """A net in evaluation mode, on any device and in any dtype.

    Its norms keep statistics while tiles or frames pass, so that it computes one call at a time: torch uses all cores
    for one anyway.

    Args:
        net: its weights may change between calls.
        lock: of another runtime with the same norms.
    """

    name: ClassVar[str] = "torch"

    def __init__(self, net: StyleNet, lock: threading.RLock | None = None) -> None:
        self.net = net
        self._norms = {name: m.sizes for name, m in net.named_modules() if isinstance(m, InstanceNorm)}
        self.lock = lock or threading.RLock()
        self.multiple, self.minimum, self.norms = net.multiple, net.minimum, len(self._norms)
        self.gives_back, self.mixes, self.takes_palette = net.gives_back, net.mixes, net.takes_palette
        self.period, self.wraps = net.period, net.wraps
        self.measures_photo, self.measures_parts = net.measures_photo, net.measures_parts

    def circular(self) -> TorchRuntime:
        return TorchRuntime(circular(self.net), self.lock)

    @property
    def code_width(self) -> int | None:  # type: ignore[override]  # an attribute of the others
        return self.net.code_width

    def named_code(self, style: int) -> Floats:
        return as_array(self.net.named_code(style))

    def encode(self, style: Floats, regions: Floats | None = None) -> Floats:
        with self._ready():
            return as_array(self.net.encode(*(self._tensor(v) for v in (style, regions) if v is not None)))

    def photo_code(self, x: Floats, statistics: Statistics | None = None) -> Floats | None:
        frozen = None if statistics is None else self._by_name(statistics)
        with self._ready(), frozen_statistics(self.net, frozen):
            code = self.net.photo_code(self._tensor(x))
        return None if code is None else as_array(code)

    def run(
        self,
        x: Floats,
        code: Floats,
        shares: Floats | None = None,
        statistics: Statistics | None = None,
        passes: Passes | None = None,
    ) -> Floats:
        inputs = [self._tensor(value) for value in (x, code, shares) if value is not None]
        frozen = None if statistics is None else self._by_name(statistics)
        with self._ready(), ExitStack() as stack:
            stack.enter_context(frozen_statistics(self.net, frozen))
            if frozen is None and passes is not None and self._norms:
                stack.enter_context(self._smoothed(passes))
            return as_array(self.net(*inputs).float())

    def measure(
        self, x: Floats, code: Floats, passes: Passes | None = None, shares: Floats | None = None
    ) -> Statistics:
        inputs = [self._tensor(value) for value in (x, code, shares) if value is not None]
        with self._ready(), ExitStack() as stack:
            if shares is not None:
                stack.enter_context(own_statistics(self.net))
            if passes is not None:
                stack.enter_context(self._smoothed(passes))
            found = stack.enter_context(recorded_statistics(self.net))
            self.net(*inputs)
            stack.close()  # which fills it
            return self._flat(found)

    def fit(self, tile: Tile, sizes: Sizes, code: Floats, count: int = 1) -> Tiling | None:
        with self.lock:
            return pick_tiling(tile, self.net, self._tensor(code), sizes, count)

    def render_tiled(
        self,
        photo: Array,
        style: StyleCode | Sequence[Region],
        options: StylizeOptions,
        sizes: Sizes,
        tiling: Any,
        bar: Any,
    ) -> Array:
        with self._ready():
            return render_tiled(self.net, photo, style, options, sizes, tiling=tiling, bar=bar)

    @contextmanager
    def _ready(self) -> Iterator[None]:
        """Compute inside the block, alone where the net has norms."""
        with self.lock if self._norms else ExitStack(), torch.inference_mode():
            yield

    @contextmanager
    def _smoothed(self, passes: Passes) -> Iterator[None]:
        """Give the norms a mix of their statistics and of those before, which the mix replaces."""
        before = passes.before()
        known = {} if before is None else {f"{name}#1": pair for name, pair in self._by_name(before).items()}
        with smoothed_statistics(self.net, known, passes.share):
            yield
        passes.keep(self._flat({name: known[f"{name}#1"] for name in self._norms}))

    def _tensor(self, values: Array) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(values)).to(self.net.device, self.net.dtype)

    def _by_name(self, statistics: Statistics) -> ByName:
        widths = [width for sizes in self._norms.values() for width in sizes]
        parts = torch.as_tensor(statistics).to(self.net.device).split(widths, dim=1)
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return {
            name: (mean[..., None, None], inverse[..., None, None])
            for name, (mean, inverse) in zip(self._norms, pairs, strict=True)
        }

    def _flat(self, statistics: ByName) -> Statistics:
        return np.concatenate([as_array(part.flatten(1)) for name in self._norms for part in statistics[name]], axis=1)

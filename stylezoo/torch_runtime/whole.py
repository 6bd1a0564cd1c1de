"""What a net makes of a picture, made tile by tile with the whole picture's statistics.

Tiles alone do not do: instance norms normalise by the whole picture, and tiles that are normalised on their own differ
in light and colour. So the whole's statistics are gathered first, norm after norm, as each depends on those before:
tiles stream through the net up to a norm, whose moments are added up over pixels that no two tiles share, and are then
frozen. With all norms frozen a pixel depends on its neighbourhood alone, and a tile with an overlap is exact.

That alone would be a pass for each norm. So nets have sections: between them the activations of the whole picture,
which are small where the resolution is low, are kept, and the passes for a norm begin there. The first half of a
residual block runs three times and its second half twice, and what lies before and behind the blocks about as often:
two and a half times a pass in all. Where there is no room to keep that much, all passes begin at the photo.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from stylezoo.images.tiles import Box, Kept, View, rows_of_tiles
from stylezoo.models import StyleNet
from stylezoo.nn.norm import InstanceNorm, Moments, Statistics, Unmeasured, frozen_statistics, partial_statistics
from stylezoo.torch_runtime.memory import Tiling


class WholePicture:
    """`net(x, code, shares)` of a whole picture, as a view.

    Args:
        photo: sides of multiples of `net.multiple`.
        code: (1, D), or (K, D) with `shares`, a view of K channels as large as the photo.
        size: (height, width) of what is shown of the painting, at the top left: without what the photo was padded by.
        tiling: how to gather statistics.
        device: where windows are wanted.
        bar: a tqdm bar, which counts tiles.
        statistics: of norms whose statistics are known already.
        own: gather the statistics of each region's own part, by its share.
    """

    def __init__(
        self,
        net: StyleNet,
        photo: View,
        code: Tensor,
        shares: View | None = None,
        *,
        size: tuple[int, int],
        tiling: Tiling,
        device: torch.device,
        bar: Any,
        statistics: Statistics | None = None,
        own: bool = False,
    ) -> None:
        self.net, self.code, self.shares, self.size, self.device = net, code, shares, size, device
        self.statistics: Statistics = dict(statistics or {})
        self._parts = shares if own else None
        self._source, self._whole, self._bar = photo, photo.size, bar
        self._rows = rows_of_tiles(photo.size, tiling.side)
        self._overlaps = net.sections if tiling.keep else (net.overlap,)
        passes = sum(isinstance(module, InstanceNorm) for module in net.modules()) - len(self.statistics)
        bar.total += (passes + len(self._overlaps) - 1) * len(self._rows) * len(self._rows[0])
        self._index = 0
        self._measure()
        while self._index + 1 < len(self._overlaps):
            self._source = self._keep()
            self._index += 1
            self._measure()

    def window(self, box: Box) -> Tensor:
        with self._section(), frozen_statistics(self.net, self.statistics):
            y, outer = self._run(box.aligned(self.net.multiple))
        return box.of(y, outer).to(self.device, torch.float32)

    def _section(self) -> AbstractContextManager[None]:
        return self.net.section(self._index) if len(self._overlaps) > 1 else nullcontext()

    def _outer(self, box: Box) -> Box:
        step = self.net.multiple
        return box.grown(-(-self._overlaps[self._index] // step) * step, self._whole)

    def _run(self, box: Box) -> tuple[Tensor, Box]:
        """Return what the section gives around a tile, and of which box it is."""
        net, outer = self.net, self._outer(box)
        x = self._source.window(outer).to(net.device, net.dtype)
        # Not net(x): what is compiled would be compiled again for every kind of tile, and cannot be interrupted.
        if self.shares is None:
            return net.forward(x, self.code), outer
        return net.forward(x, self.code, self.shares.window(outer).to(net.device, net.dtype)), outer

    def _measure(self) -> None:
        """Gather the statistics of the section's norms."""
        while True:
            moments: Moments | None = None
            with self._section(), partial_statistics(self.net, self.statistics):
                for box in chain.from_iterable(self._rows):
                    try:
                        self._run(box)
                    except Unmeasured as at:
                        moments, name = moments or at.norm.moments(), at.name
                        moments.add(*self._counted(box, at.x))
                        self._bar.update()
                    else:
                        return  # a tile has come to the end, so there are no more norms
            assert moments is not None
            mean, inverse = moments.statistics()
            self.statistics[name] = mean.to(self.net.device), inverse.to(self.net.device)

    def _counted(self, box: Box, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return what of a norm's input `x` is in the tile, and how far it is in each region."""
        x = box.of(x, self._outer(box))
        if self._parts is None:
            return x, None
        return x, adaptive_avg_pool2d(self._parts.window(box).to(x.device, torch.float32), (x.shape[-2], x.shape[-1]))

    def _keep(self) -> Kept:
        """Return what the section gives of the whole picture; in place of what it is made of, where that has its shape.

        So a row of tiles is written after the row below it, which sees its edge, is made.
        """
        kept: Kept | None = None
        late: list[tuple[Box, Tensor]] = []
        with self._section(), partial_statistics(self.net, self.statistics):
            for row in [*self._rows, []]:
                made = []
                for box in row:
                    y, outer = self._run(box)
                    kept = kept or self._room(y, outer)
                    made.append((box, box.of(y, outer)))
                    self._bar.update()
                assert kept is not None
                for box, y in late:
                    kept.paste(box, y)
                late = made
        assert kept is not None
        return kept

    def _room(self, y: Tensor, outer: Box) -> Kept:
        """Return where to keep what is, around a tile, `y` in the box `outer`."""
        near = self._overlaps[self._index] <= self._rows[0][0].height  # no tile sees beyond the row above
        (height, width), (rows, columns) = self._whole, y.shape[-2:]
        shape = (1, y.shape[1], height * rows // outer.height, width * columns // outer.width)
        if self._index and near and isinstance(self._source, Kept) and self._source.x.shape == shape:
            return self._source
        room = torch.empty(shape, dtype=y.dtype, device=y.device, memory_format=torch.channels_last)
        return Kept(room, self._whole)

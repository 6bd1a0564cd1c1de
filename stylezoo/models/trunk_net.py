"""What the families on the shared trunk have in common: all but where gamma and beta come from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from stylezoo.errors import OptionError
from stylezoo.graphs import MINIMUM, TrunkGraph
from stylezoo.models.base import StyleNet
from stylezoo.nn.compact import CompactTrunk
from stylezoo.nn.norm import InstanceNorm
from stylezoo.nn.trunk import StyledTrunk, Trunk

DIVISORS = {"classic": (4, 2, 1, 2, 4), "fast": (2, 1, 2, 4), "compact": (1, 2, 2), "magenta": (4, 2, 1, 2, 4)}
WIDTHS = {"classic": 128, "fast": 64, "compact": 32, "magenta": 128}
"""For each variant, what the width is divided by in its stages; the last two are the decoder's."""


class TrunkNet(StyleNet):
    """A trunk in one of four variants, at any width.

    Args:
        variant: "classic", the net of Johnson et al.'s later releases: 9x9 stem and head, 32-64-128 channels,
            1,679,235 parameters at the default width and blocks, one style's affine vector included. "fast" folds 2x2
            pixels into channels first, works at a quarter of the resolution with half the channels, and ends in a
            full-resolution convolution of few channels rather than in a pixel shuffle, which would leave a period-2
            hatch. "compact" works at a quarter of the resolution too, with a quarter of the channels, and but for one
            convolution nowhere above it: see `CompactTrunk`. "magenta", the net of Dumoulin et al.'s own release, is
            shaped as the classic one, without biases and with a norm behind the last convolution too.
        width: channels of the residual blocks; the other stages follow in proportion. Or the channels of every stage,
            as in "32-64-128-64-32". None: 64 fast, 32 compact, else 128.
        blocks: residual blocks.

    Departures from Johnson et al. 2016: instance for batch norm, reflection padding in every convolution in place of
    one border of 40 px around the picture, upsampling and a convolution in place of transposed convolutions. The
    classic variant ends in a linear layer, clamped outside training, the others in a sigmoid (as Dumoulin et al. 2017).
    """

    def __init__(self, variant: str = "fast", width: int | str | None = None, blocks: int = 5) -> None:
        super().__init__()
        if variant not in DIVISORS:
            raise OptionError(f"{self.family} has no variant '{variant}'; there are {', '.join(DIVISORS)}")
        if width is None:
            width = WIDTHS[variant]
        stages = stage_widths(width, DIVISORS[variant])
        if not 0 <= blocks <= 64:
            raise OptionError(f"blocks must be from 0 to 64, not {blocks}")
        self.arch = {"variant": variant, "width": width, "blocks": blocks}
        self.classic = variant == "classic"
        encoder, decoder = stages[:-2], stages[-2:]
        self.trunk: StyledTrunk
        if variant == "compact":
            self.trunk = CompactTrunk(stages[0], (stages[1], stages[2]), blocks)
        elif variant == "fast":
            self.trunk = Trunk(encoder, decoder, blocks, unshuffle=2, stem=5, head=5, upsample="bilinear")
        else:
            self.trunk = Trunk(
                encoder, decoder, blocks, stem=9, head=9, bias=self.classic, norm_head=variant == "magenta"
            )
        self.multiple = self.trunk.multiple
        self.minimum = MINIMUM
        self.overlap = self.trunk.reach
        self.graph: TrunkGraph | None = None

    def run_by(self, graph: Path | bytes | None) -> None:
        """Let onnxruntime compute what it can: whole pictures in one style. None: torch computes all."""
        weights = {name: value.numpy() for name, value in self.state_dict().items()}
        self.graph = TrunkGraph(graph, weights, torch.get_num_threads()) if graph else None

    def paint(self, x: Tensor, affine: Tensor, regions: Tensor | None = None) -> Tensor:
        """Return `x`, (N, 3, H, W) in [0, 1], painted with the affine vectors of `Trunk.forward`."""
        if self.graph and regions is None and self._is_plain(x, affine):
            return torch.from_numpy(self.graph.paint(x.contiguous().numpy(), affine.numpy()))
        return self.compute(x, affine, regions)

    def _is_plain(self, x: Tensor, affine: Tensor) -> bool:
        """Return whether a graph computes the same: one style for all, and nobody asks for slopes or looks inside."""
        kinds = {(value.device.type, value.dtype) for value in (x, affine, next(self.parameters()))}
        if len(affine) > 1 or kinds != {("cpu", torch.float32)} or self.training or torch.is_grad_enabled():
            return False
        modules = list(self.trunk.modules())
        watched = any(module._forward_hooks or module._forward_pre_hooks for module in modules)
        free = all(module.free for module in modules if isinstance(module, InstanceNorm))
        return free and not watched and self.trunk.only is None

    def compute(self, x: Tensor, affine: Tensor, regions: Tensor | None = None) -> Tensor:
        """Return what `paint` does, by torch."""
        only = self.trunk.only
        if self.classic and only in (None, 0):
            x = x * 255  # the reference net works on 0..255
        y = self.trunk(x, affine, regions)
        if only not in (None, len(self.sections) - 1):
            return y
        if not self.classic:
            return torch.sigmoid(y)
        y = y / 255
        return y if self.training else y.clamp(0, 1)

    @property
    def sections(self) -> tuple[int, ...]:
        return tuple(section.overlap for section in self.trunk.sections())

    @contextmanager
    def section(self, index: int) -> Iterator[None]:
        self.trunk.only = index
        try:
            yield
        finally:
            self.trunk.only = None


def stage_widths(width: int | str, divisors: tuple[int, ...]) -> tuple[int, ...]:
    """Return the channels of every stage of a trunk; raise OptionError where `width` does not say them."""
    if isinstance(width, str):
        stages = tuple(map(int, re.findall("[0-9]{1,4}", width)))
        if (
            "-".join(map(str, stages)) != width
            or len(stages) != len(divisors)
            or not all(1 <= w <= 1024 for w in stages)
        ):
            raise OptionError(
                f"width must be one number, or one from 1 to 1024 for each of {len(divisors)} stages, as in "
                f"'{'-'.join(str(128 // divisor) for divisor in divisors)}', not '{width}'"
            )
        return stages
    if width % 4 or not 8 <= width <= 1024:
        raise OptionError(f"width must be a multiple of 4 from 8 to 1024, not {width}")
    return tuple(width // divisor for divisor in divisors)

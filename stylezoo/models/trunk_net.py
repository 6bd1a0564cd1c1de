"""What the families on the shared trunk have in common: all but where gamma and beta come from."""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor

from stylezoo.errors import OptionError
from stylezoo.models.base import StyleNet
from stylezoo.nn.compact import CompactTrunk
from stylezoo.nn.trunk import StyledTrunk, Trunk
from stylezoo.runtime.architecture import ANTIALIASED, DIVISORS, MINIMUM, WIDTHS, stage_widths


class TrunkNet(StyleNet):
    """A trunk in one of four variants, at any width.

    Args:
        variant: "classic", the net of Johnson et al.'s later releases: 9x9 stem and head, 32-64-128 channels,
            1,679,235 parameters at the default width and blocks, one style's affine vector included. "fast" folds 2x2
            pixels into channels first, works at a quarter of the resolution with half the channels, and ends in a
            full-resolution convolution of few channels rather than in a pixel shuffle, which would leave a period-2
            checkerboard. "compact" works at a quarter of the resolution too, with a quarter of the channels, and but
            for one convolution nowhere above it: see `CompactTrunk`. "magenta", the net of Dumoulin et al.'s own
            release, is shaped as the classic one, without biases and with a norm behind the last convolution too.
        width: channels of the residual blocks; the other stages follow in proportion. Or the channels of every stage,
            as in "32-64-128-64-32". None: 64 fast, 32 compact, else 128.
        blocks: residual blocks.
        antialiased: for "fast" and "compact": blur the features before and after the first enlargement, against a woven
            pattern of 4 px.

    Departures from Johnson et al. 2016: instance for batch norm, reflection padding in every convolution in place of
    one border of 40 px around the picture, upsampling and a convolution in place of transposed convolutions. The
    classic variant ends in a linear layer, clamped outside training, the others in a sigmoid (as Dumoulin et al. 2017).
    """

    trunk_args: ClassVar[tuple[str, ...]] = ("variant", "width", "blocks")
    """The keys of `arch` on which the shape of the trunk depends."""

    def __init__(
        self, variant: str = "fast", width: int | str | None = None, blocks: int = 5, antialiased: bool = False
    ) -> None:
        super().__init__()
        if variant not in DIVISORS:
            raise OptionError(f"{self.family} has no variant '{variant}'; there are {', '.join(DIVISORS)}")
        if width is None:
            width = WIDTHS[variant]
        stages = stage_widths(width, DIVISORS[variant])
        if not 0 <= blocks <= 64:
            raise OptionError(f"blocks must be from 0 to 64, not {blocks}")
        if antialiased and variant not in ANTIALIASED:
            raise OptionError(f"antialiased is for the variants {' and '.join(ANTIALIASED)}, not for {variant}")
        self.arch = {"variant": variant, "width": width, "blocks": blocks}
        self.arch |= {"antialiased": True} if antialiased else {}
        self.classic = variant == "classic"
        encoder, decoder = stages[:-2], stages[-2:]
        self.trunk: StyledTrunk
        if variant == "compact":
            self.trunk = CompactTrunk(stages[0], (stages[1], stages[2]), blocks, antialiased)
        elif variant == "fast":
            bilinear: dict[str, Any] = {"upsample": "bilinear", "antialiased": antialiased}
            self.trunk = Trunk(encoder, decoder, blocks, unshuffle=2, stem=5, head=5, **bilinear)
        else:
            self.trunk = Trunk(
                encoder, decoder, blocks, stem=9, head=9, bias=self.classic, norm_head=variant == "magenta"
            )
        self.multiple = self.trunk.multiple
        self.minimum = MINIMUM
        self.overlap = self.trunk.reach

    def stylize(self, x: Tensor, affine: Tensor, regions: Tensor | None = None) -> Tensor:
        """Return `x`, (N, 3, H, W) in [0, 1], stylized with the affine vectors of `Trunk.forward`."""
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

    @abc.abstractmethod
    def known_rows(self) -> list[Tensor]:
        """Return the affine vectors, (1, A) each, of all styles that the net knows by name."""

    @abc.abstractmethod
    def set_row(self, index: int, row: Tensor) -> None:
        """Set the affine vector of one style to `row`, (1, A)."""

    @torch.no_grad()
    def init_from(self, other: StyleNet, known: Mapping[int, int], name: str) -> None:
        """Take over the trunk of another net, of whatever family."""
        assert isinstance(other, TrunkNet)
        weights = other.trunk.state_dict()
        shapes = {key: tuple(value.shape) for key, value in self.trunk.state_dict().items()}
        self.check_fit(weights, shapes, f"the trunk of {name}")
        self.trunk.load_state_dict(weights)

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

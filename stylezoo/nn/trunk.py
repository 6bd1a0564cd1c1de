"""The image transformation net that the feed-forward families share.

Johnson et al. 2016 (arXiv:1603.08155): downsample, residual blocks, upsample; with instance norms (arXiv:1607.08022),
reflection padding, and nearest upsampling before a convolution in place of transposed convolutions (Dumoulin et al.
2017, arXiv:1610.07629), which leaves no checkerboard. The families differ only in where the affine vector, all gammas
and betas of the net, comes from: learnt for one style, mixed from a table of styles, or predicted from a picture.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylezoo.nn.circular import lowpass, upsample
from stylezoo.nn.norm import InstanceNorm


def conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, bias: bool = False, border: int | None = None
) -> nn.Conv2d:
    """Return a convolution with a border of reflected pixels; None: such that it keeps the size (at stride 1)."""
    border = kernel // 2 if border is None else border
    return nn.Conv2d(inputs, outputs, kernel, stride, border, bias=bias, padding_mode="reflect")


class Affine:
    """The gammas and betas of a net, distributed to its norms in their order.

    Args:
        rows: (N or 1, affine_size): gamma then beta of each norm; with `regions`, (K, affine_size).
        widths: channels of each norm.
        regions: (N or 1, K, H, W), how much of each row every pixel has; the K shares of a pixel sum to 1.
    """

    def __init__(self, rows: Tensor, widths: list[int], regions: Tensor | None = None) -> None:
        self._parts = iter(rows.split([width for width in widths for _ in "gb"], dim=1))
        self._regions = regions

    def skip(self, norms: int) -> None:
        """Leave out that many norms."""
        for _ in range(2 * norms):
            next(self._parts)

    def take(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return gamma and beta of the next norm, (N, 1 or K, by C), and the regions at the size of its input `x`."""
        gamma, beta = next(self._parts), next(self._parts)
        if self._regions is None:
            return gamma, beta, None
        return gamma, beta, F.adaptive_avg_pool2d(self._regions, (x.shape[-2], x.shape[-1]))


class Section(NamedTuple):
    """A part of a trunk's forward pass.

    Attributes:
        run: the part, from activations, (N, C, H, W), and the rows that its norms take, to activations.
        norms: how many norms it has.
        overlap: how many of the picture's pixels to each side it sees around what it makes.
    """

    run: Callable[[Tensor, Affine], Tensor]
    norms: int
    overlap: int


class StyledTrunk(nn.Module, abc.ABC):
    """What trunks have in common: a forward pass that can be interrupted where what goes on is small enough to be kept.

    Attributes:
        multiple: height and width of what they are given must be multiples of this many pixels.
        norm_widths: channels of each norm, in the order of the pass.
        affine_size: how many gammas and betas they take.
        only: the one section that `forward` is to be; None, as a rule, for all of them.
        padding_mode: as in the convolutions, see `stylezoo.nn.circular`.
    """

    multiple: int
    blocks: nn.ModuleList
    norm_widths: list[int]
    affine_size: int
    only: int | None = None
    padding_mode: str = "reflect"

    def count_norms(self) -> None:
        """Set `norm_widths` and `affine_size`; modules must have been made in the order in which they compute."""
        self.norm_widths = [m.channels for m in self.modules() if isinstance(m, InstanceNorm)]
        self.affine_size = 2 * sum(self.norm_widths)

    @abc.abstractmethod
    def sections(self) -> list[Section]:
        """Return the parts of the forward pass in their order: what leads to the blocks, each block, and the rest."""

    def forward(self, x: Tensor, affine: Tensor, regions: Tensor | None = None) -> Tensor:
        """Map `x`, (N, 3, H, W) with H and W multiples of `multiple`, to unbounded RGB of the same shape.

        `affine`, (N or 1, affine_size), holds gamma then beta of each norm, in the order of the norms in the net. With
        `regions`, (N or 1, K, H, W), it is (K, affine_size), and every pixel has its own mix of the K rows.
        """
        rows = Affine(affine, self.norm_widths, regions)
        for index, section in enumerate(self.sections()):
            if self.only is None or self.only == index:
                x = section.run(x, rows)
            else:
                rows.skip(section.norms)
        return x

    @property
    def reach(self) -> int:
        """How many input pixels to each side one output pixel sees, the norms' statistics aside."""
        return sum(section.overlap for section in self.sections()) + self.multiple

    def neutral_affine(self) -> Tensor:
        """Return the (1, affine_size) vector with every gamma 1 and every beta 0."""
        return torch.cat([torch.full((width,), fill) for width in self.norm_widths for fill in (1.0, 0.0)])[None]


class ConvNorm(nn.Module):
    """Convolution, then instance norm."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, bias: bool, border: int | None = None
    ) -> None:
        super().__init__()
        self.conv = conv(inputs, outputs, kernel, stride, bias, border)
        self.norm = InstanceNorm(outputs)

    def forward(self, x: Tensor, affine: Affine) -> Tensor:
        x = self.conv(x)
        return self.norm(x, *affine.take(x))


class Residual(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))): no ReLU after the addition, as in Gross & Wilber and Johnson et al."""

    def __init__(self, channels: int, bias: bool) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels, 3, 1, bias)
        self.second = ConvNorm(channels, channels, 3, 1, bias)

    def forward(self, x: Tensor, affine: Affine) -> Tensor:
        return x + self.second(F.relu_(self.first(x, affine)), affine)


class Trunk(StyledTrunk):
    """Encoder, residual blocks and decoder.

    Args:
        encoder: channels of each stage; the first keeps the resolution it is given, each further one halves it.
        decoder: channels of each stage, every one doubling the resolution; a last convolution then gives RGB.
        blocks: residual blocks at the lowest resolution, with the encoder's last width.
        unshuffle: fold blocks of this many pixels a side into channels first (1: none). The classic net works at full
            resolution with a 9x9 kernel; folding 2x2 first gives the same reach with a 5x5 at a quarter of the
            pixels.
        stem, head: kernel sizes of the first and the last convolution.
        upsample: "nearest" (the papers' cure for checkerboards) or "bilinear". Neither marks a flat area, but nearest
            leaves a checkerboard of period 2 on gradients that bilinear, with a threefold zero there, does not.
        bias: give the normalised convolutions a bias, which the norm removes again; only old state dicts need it.
        antialiased: blur the features before and after the first enlargement, see `stylezoo.nn.circular.lowpass`. What
            alternates from pixel to pixel before it, and the kinks of a bilinear enlargement after it, become by the
            decoder's ReLUs a woven pattern of `multiple` pixels, which the style term likes.
        norm_head: put a norm in place of a bias behind the last convolution too, so that a style sets the range of red,
            green and blue.
    """

    def __init__(
        self,
        encoder: tuple[int, ...],
        decoder: tuple[int, ...],
        blocks: int,
        *,
        unshuffle: int = 1,
        stem: int,
        head: int,
        upsample: str = "nearest",
        bias: bool = False,
        antialiased: bool = False,
        norm_head: bool = False,
    ) -> None:
        super().__init__()
        self.unshuffle, self.stem, self.upsample, self.antialiased = unshuffle, stem, upsample, antialiased
        self.multiple = unshuffle * 2 ** (len(encoder) - 1)
        if self.multiple != 2 ** len(decoder):
            raise ValueError(
                f"the decoder enlarges {2 ** len(decoder)} times, the encoder shrinks {self.multiple} times"
            )
        inputs = 3 * unshuffle**2
        self.encoder = nn.ModuleList()
        for stage, width in enumerate(encoder):
            self.encoder.append(ConvNorm(inputs, width, 3 if stage else stem, 2 if stage else 1, bias))
            inputs = width
        self.blocks = nn.ModuleList(Residual(inputs, bias) for _ in range(blocks))
        self.decoder = nn.ModuleList()
        for width in decoder:
            self.decoder.append(ConvNorm(inputs, width, 3, 1, bias))
            inputs = width
        self.head: nn.Conv2d = conv(inputs, 3, head, bias=not norm_head)
        self.head_norm = InstanceNorm(3) if norm_head else None
        self.count_norms()

    def sections(self) -> list[Section]:
        into, scale = self.unshuffle * (self.stem // 2), self.unshuffle
        for _ in self.encoder[1:]:
            into += scale
            scale *= 2
        out = self.head.kernel_size[0] // 2
        for stage in range(len(self.decoder)):
            out += 2**stage  # the convolution
            out += 2 ** (stage + 1) if self.upsample == "bilinear" else 0
        out += self.multiple + self.multiple // 2 if self.antialiased else 0
        return [
            Section(self._encode, len(self.encoder), into),
            *(Section(block, 2, 2 * scale) for block in self.blocks),
            Section(self._decode, len(self.decoder) + (self.head_norm is not None), out),
        ]

    def _encode(self, x: Tensor, rows: Affine) -> Tensor:
        if self.unshuffle > 1:
            x = F.pixel_unshuffle(x, self.unshuffle)
        for stage in self.encoder:
            x = F.relu_(stage(x, rows))
        return x

    def _decode(self, x: Tensor, rows: Affine) -> Tensor:
        for number, stage in enumerate(self.decoder):
            blurs = self.antialiased and number == 0
            x = lowpass(x, self.padding_mode) if blurs else x
            x = upsample(x, self.upsample, self.padding_mode)
            x = F.relu_(stage(lowpass(x, self.padding_mode) if blurs else x, rows))
        x = self.head(x)
        return x if self.head_norm is None else self.head_norm(x, *rows.take(x))

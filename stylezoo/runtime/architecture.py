"""The architecture of nets in numbers: widths, strides, and the names and shapes of weights. Imports no torch.

The nets themselves are in `stylezoo.models`; a test compares the shapes with theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stylezoo.errors import OptionError

MULTIPLE = 4  # px that the sides of a trunk's input are multiples of: all work at a quarter of the resolution
MINIMUM = 16  # px a side: reflection by 4 px at full resolution, by 1 px at a quarter

DIVISORS = {"classic": (4, 2, 1, 2, 4), "fast": (2, 1, 2, 4), "compact": (1, 2, 2), "magenta": (4, 2, 1, 2, 4)}
WIDTHS = {"classic": 128, "fast": 64, "compact": 32, "magenta": 128}
"""For each variant, the divisors of the width for its stages; the last two are the decoder's."""

ANTIALIASED = ("fast", "compact")
"""The variants that can be antialiased."""

MOST_BLOCKS = 100  # residual blocks; the papers have five
PATCH, STEP = 8, 4
"""The compact trunk's patch size and stride, in px."""

WEAVE = (
    ((0.75, 0.25, 0.0), (0.25, 0.75, 0.0), (0.0, 0.75, 0.25)),
    ((0.25, 0.75, 0.0), (0.0, 0.75, 0.25), (0.0, 0.25, 0.75)),
)
"""Bilinear enlargement to twice the size, along one axis: of the left and of the right of the two pixels that a small
one becomes, the pixel before it, itself and the pixel behind it, each as shares of the small pixel's three."""

ENCODER_WIDTHS, ENCODER_HIDDEN, STATISTICS, HIDDEN, BOTTLENECK = (32, 48, 64, 128, 192), 192, 1920, 256, 128
"""A ghiasi net's channels: encoder stages, its perceptron, VGG19's statistics, the predictor's two layers."""

VGG_CHANNELS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512}
"""The layers of VGG19 that nets decode, shallow to deep, with their channels; the resolution is halved from each to the
next."""
MIRROR = ((256,), (256, 256, 256, 128), (128, 64), (64, 3))
"""Channels of the decoder of relu4_1, by resolution from 1/8 to full: VGG19 backwards."""

Shapes = dict[str, tuple[int, ...]]


def stage_widths(width: int | str, divisors: tuple[int, ...]) -> tuple[int, ...]:
    """Return the channels of every stage of a trunk; raise OptionError if `width` is invalid."""
    if isinstance(width, str):
        stages = tuple(map(int, re.findall("[0-9]{1,4}", width)))
        if (
            "-".join(map(str, stages)) != width
            or len(stages) != len(divisors)
            or not all(1 <= w <= 1024 for w in stages)
        ):
            raise OptionError(
                f"width must be one number, or {len(divisors)} numbers from 1 to 1024, one per stage, as in "
                f"'{'-'.join(str(128 // divisor) for divisor in divisors)}', not '{width}'"
            )
        return stages
    if not isinstance(width, int) or width % 4 or not 8 <= width <= 1024:
        raise OptionError(f"width must be a multiple of 4 from 8 to 1024, not {width}")
    return tuple(width // divisor for divisor in divisors)


class Trunk:
    """The layout of a trunk.

    Args:
        arch: `variant`, `width`, `blocks` and `antialiased`, all optional, as in the families.

    Attributes:
        antialiased: whether features are blurred before they are enlarged.
        encoder, decoder: channels of the stages; for a compact trunk its width, and the decoder's at 1/4 and 1/2.
        norm_widths: channels of each norm, in forward order.
    """

    def __init__(self, arch: Mapping[str, Any]) -> None:
        self.variant = str(arch.get("variant", "fast"))
        if self.variant not in DIVISORS:
            raise OptionError(f"there is no variant '{self.variant}'; there are {', '.join(DIVISORS)}")
        self.antialiased = bool(arch.get("antialiased", False))
        if self.antialiased and self.variant not in ANTIALIASED:
            raise OptionError(f"antialiased is for the variants {' and '.join(ANTIALIASED)}, not for {self.variant}")
        blocks = arch.get("blocks", 5)
        if not isinstance(blocks, int) or not 0 <= blocks <= MOST_BLOCKS:
            raise OptionError(f"blocks must be from 0 to {MOST_BLOCKS}, not {blocks!r}")
        width = arch.get("width")
        stages = stage_widths(WIDTHS[self.variant] if width is None else width, DIVISORS[self.variant])
        self.encoder, self.decoder = stages[:-2], stages[-2:]
        self.blocks = blocks
        norms = [*self.encoder, *[self.encoder[-1]] * (2 * self.blocks), *self.decoder]
        self.norm_widths = [*norms, 3] if self.variant == "magenta" else norms

    @property
    def affine_size(self) -> int:
        """The number of gammas and betas."""
        return 2 * sum(self.norm_widths)

    def shapes(self) -> Shapes:
        """Return the names and shapes of the weights."""
        shapes: Shapes = {}
        for name, inputs, outputs, kernel, biased in self._convolutions():
            shapes[f"trunk.{name}.weight"] = (outputs, inputs, kernel, kernel)
            if biased:
                shapes[f"trunk.{name}.bias"] = (outputs,)
        return shapes

    def _convolutions(self) -> Iterator[tuple[str, int, int, int, bool]]:
        """Yield name, input channels, output channels, kernel size and whether there is a bias."""
        variant, last = self.variant, self.encoder[-1]
        bias = variant == "classic"
        blocks = [(f"blocks.{i}.{part}.conv", last, last, 3, bias) for i in range(self.blocks) for part in PARTS]
        if variant == "compact":
            quarter, half = self.decoder
            yield "stem.conv", 3, last, PATCH, False
            yield from blocks
            yield "narrow.conv", last, quarter, 3, False
            yield "refine.conv", quarter, half, 3, False
            yield "head", half, 3, 3, True
            return
        stem, inputs = (5, 12) if variant == "fast" else (9, 3)
        for stage, width in enumerate(self.encoder):
            yield f"encoder.{stage}.conv", inputs, width, 3 if stage else stem, bias
            inputs = width
        yield from blocks
        for stage, width in enumerate(self.decoder):
            yield f"decoder.{stage}.conv", inputs, width, 3, bias
            inputs = width
        yield "head", inputs, 3, stem, variant != "magenta"

    def floats_per_pixel(self) -> float:
        """Return the size of the largest activation, in numbers per pixel of the picture."""
        last = self.encoder[-1]
        if self.variant == "compact":
            return max(last / 16, self.decoder[0] / 4, self.decoder[1] / 4, 3)
        top = 4 if self.variant == "fast" else 1
        into = [width / (top * 4**stage) for stage, width in enumerate(self.encoder)]
        out = [width / 4 ** (1 - stage) for stage, width in enumerate(self.decoder)]
        enlarged = [last / 4, self.decoder[0]]  # inputs of the decoder's convolutions
        return max(*into, *out, *enlarged, 3)


PARTS = ("first", "second")
"""Of a residual block."""


def encoder_shapes(folded: bool, affine: int) -> Shapes:
    """Return the names and shapes of the weights that predict rows of `affine` numbers in a ghiasi net."""
    shapes: Shapes = {}
    inputs = 3
    for stage, width in enumerate(ENCODER_WIDTHS):
        for part, before in ((0, inputs), (2, width)):
            shapes[f"encoder.stages.{stage}.{part}.weight"] = (width, before, 3, 3)
            shapes[f"encoder.stages.{stage}.{part}.bias"] = (width,)
        inputs = width
    linear = {
        "encoder.head.0": (ENCODER_HIDDEN, 2 * sum(ENCODER_WIDTHS)),
        "encoder.head.2": (HIDDEN if folded else STATISTICS, ENCODER_HIDDEN),
        **({} if folded else {"predictor.0": (HIDDEN, STATISTICS)}),
        "predictor.2": (BOTTLENECK, HIDDEN),
        "predictor.4": (affine, BOTTLENECK),
    }
    for name, (outputs, before) in linear.items():
        shapes |= {f"{name}.weight": (outputs, before), f"{name}.bias": (outputs,)}
    return shapes


def mirrored(layer: str) -> tuple[tuple[int, ...], ...]:
    """Return the channels of the convolutions that decode a layer of VGG19, by resolution, up to the full one.

    A lower layer's decoder has the shape of the end of `MIRROR`, from the convolution that takes as many channels.
    """
    depth = list(VGG_CHANNELS).index(layer)
    first, *rest = MIRROR[len(MIRROR) - 1 - depth :]
    return (first[-1:], *rest)


def decoder_convolutions(layer: str = "relu4_1", prefix: str = "decoder") -> Iterator[tuple[str, int, int]]:
    """Yield name, input channels and output channels of the convolutions that decode a layer of VGG19, in order."""
    index, inputs = 0, VGG_CHANNELS[layer]
    for widths in mirrored(layer):
        for width in widths:
            yield f"{prefix}.{index}", inputs, width
            index, inputs = index + 2, width  # a ReLU follows
        index += 1  # upsampling after each resolution


def decoder_shapes(layer: str = "relu4_1", prefix: str = "decoder") -> Shapes:
    """Return the names and shapes of the weights that decode a layer of VGG19."""
    shapes: Shapes = {}
    for name, inputs, outputs in decoder_convolutions(layer, prefix):
        shapes |= {f"{name}.weight": (outputs, inputs, 3, 3), f"{name}.bias": (outputs,)}
    return shapes

"""The image transformation net in a sixth of the arithmetic: for machines without a GPU.

It departs from Johnson et al. 2016 (arXiv:1603.08155) in where the resolution drops and rises. The photo enters in
overlapping patches, 8x8 px every 4 px, so that no convolution works at full resolution; the decoder narrows before it
enlarges; and the last convolution makes four pixels at once out of half the resolution.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylezoo.nn.circular import lowpass, upsample
from stylezoo.nn.trunk import Affine, ConvNorm, Residual, Section, StyledTrunk
from stylezoo.runtime.architecture import PATCH, STEP, WEAVE


class EnlargingConv(nn.Module):
    """Bilinear enlargement to twice the size and a 3x3 convolution, computed as one convolution of the small picture.

    Each of the four pixels that a small one becomes has a 3x3 kernel of its own, woven of the one that is learnt and
    of the bilinear shares: the same sums without the large picture in between, but for the border, where the small
    picture is reflected in place of the large one. Four kernels that were learnt freely would leave a checkerboard of
    period 2 (Odena et al. 2016, doi:10.23915/distill.00003); woven of one they leave none on flat areas and
    gradients.
    """

    weave: Tensor
    padding_mode: str = "reflect"

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        start = nn.Conv2d(inputs, outputs, 3)
        assert start.bias is not None
        self.weight, self.bias = start.weight, start.bias
        self.register_buffer("weave", torch.tensor(WEAVE), persistent=False)

    def kernels(self) -> Tensor:
        """Return the kernels for the small picture, (4 * outputs, inputs, 3, 3), as `pixel_shuffle` orders them."""
        weave = self.weave.to(self.weight.dtype)
        return torch.einsum("oikl,pka,qlb->opqiab", self.weight, weave, weave).flatten(0, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, 2H, 2W)."""
        return enlarge(x, self.kernels(), self.bias.repeat_interleave(4), self.padding_mode)


def enlarge(x: Tensor, kernels: Tensor, bias: Tensor, padding_mode: str = "reflect") -> Tensor:
    """Convolve (N, C, H, W), padded as said, with (4 * outputs, C, 3, 3) to (N, outputs, 2H, 2W)."""
    return F.pixel_shuffle(F.conv2d(F.pad(x, (1, 1, 1, 1), mode=padding_mode), kernels, bias), 2)


class CompactTrunk(StyledTrunk):
    """Patches, residual blocks at a quarter of the resolution, and a decoder that ends in an `EnlargingConv`.

    Args:
        width: channels of the residual blocks.
        decoder: channels at a quarter of the resolution, enlarged to half, and at half.
        blocks: residual blocks.
        antialiased: blur the features before and after the first enlargement, as in `Trunk`.
    """

    def __init__(self, width: int, decoder: tuple[int, int], blocks: int, antialiased: bool = False) -> None:
        super().__init__()
        self.multiple, self.antialiased = STEP, antialiased
        self.stem = ConvNorm(3, width, PATCH, STEP, bias=False, border=(PATCH - STEP) // 2)
        self.blocks = nn.ModuleList(Residual(width, bias=False) for _ in range(blocks))
        quarter, half = decoder
        self.narrow = ConvNorm(width, quarter, 3, 1, bias=False)
        self.refine = ConvNorm(quarter, half, 3, 1, bias=False)
        self.head = EnlargingConv(half, 3)
        self.count_norms()

    def sections(self) -> list[Section]:
        half, quarter = STEP // 2, STEP
        decode = 2 * half + 2 * quarter  # the head and `refine` at half, the enlargement and `narrow` at a quarter
        decode += quarter + half if self.antialiased else 0
        return [
            Section(self._encode, 1, (PATCH - STEP) // 2),
            *(Section(block, 2, 2 * quarter) for block in self.blocks),
            Section(self._decode, 2, decode),
        ]

    def _encode(self, x: Tensor, rows: Affine) -> Tensor:
        return F.relu_(self.stem(x, rows))

    def _decode(self, x: Tensor, rows: Affine) -> Tensor:
        # A norm and a bilinear enlargement go in either order; this one has a quarter of the pixels to go through.
        x = self.narrow(x, rows)
        x = lowpass(x, self.padding_mode) if self.antialiased else x
        x = upsample(x, "bilinear", self.padding_mode)
        x = F.relu_(lowpass(x, self.padding_mode) if self.antialiased else x)
        return self.head(F.relu_(self.refine(x, rows)))

"""Any picture as the style, at the speed of a net of fixed styles: gammas and betas are predicted from the picture.

Ghiasi, Lee, Kudlur, Dumoulin and Shlens 2017, "Exploring the structure of a real-time, arbitrary neural artistic
stylization network" (arXiv:1705.06830).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stylezoo.errors import StyleError
from stylezoo.image.resize import pad_to_multiple
from stylezoo.image.sizes import SMALLEST_STYLE
from stylezoo.models.cin import CIN
from stylezoo.nn.stats import mean_std
from stylezoo.nn.trunk import conv

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
STATISTICS = 2 * (64 + 128 + 256 + 512)
"""Means and deviations of VGG19's features at `LAYERS`: what the style encoder estimates."""

HIDDEN = 256  # of the predictor


class StyleEncoder(nn.Module):
    """A small net that estimates the pooled statistics of VGG19's features from a style picture.

    Five stages, each halving the resolution; the means and deviations of every stage's channels, together a picture's
    description at all scales, pass a perceptron.

    Args:
        outputs: how many numbers it gives.
        widths: channels of the stages.
        hidden: of the perceptron.
    """

    def __init__(
        self, outputs: int = STATISTICS, widths: tuple[int, ...] = (32, 48, 64, 128, 192), hidden: int = 192
    ) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        inputs = 3
        for width in widths:
            self.stages.append(
                nn.Sequential(conv(inputs, width, 3, 2, bias=True), nn.ReLU(), conv(width, width, 3, 1, bias=True))
            )
            inputs = width
        self.head = nn.Sequential(nn.Linear(2 * sum(widths), hidden), nn.ReLU(), nn.Linear(hidden, outputs))

    def forward(self, picture: Tensor) -> Tensor:
        """Map pictures, (N, 3, H, W) in [0, 1] with H and W at least 64, to (N, outputs): standardised statistics."""
        x = picture * 2 - 1
        pooled: list[Tensor] = []
        for stage in self.stages:
            x = F.relu(stage(x))
            pooled += mean_std(x)
        return self.head(torch.cat(pooled, dim=1).to(picture.dtype))


class Ghiasi(CIN):
    """The trunk of a CIN net, whose gammas and betas are predicted from a style picture.

    A code holds the gammas and betas themselves, (N or 1, A): what a row of a CIN net's table holds.

    Args:
        styles: how many are known by name beside, as rows of a table.
        variant, width, blocks: of the trunk, see `TrunkNet`.
        folded: as `fold` makes it.

    Departures from the paper: the pooled features of a pretrained Inception net give way to VGG19's, of which not the
    means alone but the deviations too are kept, at four depths; and a small encoder learns to estimate them, so that no
    pretrained net is needed to paint. As in `CIN`, one more row is learnt to give the photo back.
    """

    family: ClassVar[str] = "ghiasi"
    least_styles: ClassVar[int] = 0

    def __init__(
        self,
        styles: int = 0,
        variant: str = "fast",
        width: int | str | None = None,
        blocks: int = 5,
        folded: bool = False,
    ) -> None:
        super().__init__(styles, variant, width, blocks)
        self.arch |= {"folded": True} if folded else {}
        self.encoder = StyleEncoder(HIDDEN if folded else STATISTICS)
        self.predictor = nn.Sequential(
            nn.Identity() if folded else nn.Linear(STATISTICS, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, 128),
            nn.ReLU(),
            last := nn.Linear(128, self.styles.shape[1]),
        )
        with torch.no_grad():  # every style starts near the neutral row, or the first steps would diverge
            last.weight.mul_(0.1)
            last.bias.copy_(self.styles[-1])

    def forward(self, x: Tensor, code: Tensor | None = None, regions: Tensor | None = None) -> Tensor:
        """Paint `x`, (N, 3, H, W) in [0, 1], with the gammas and betas `code`, (N or 1, A).

        With `regions`, (N or 1, K, H, W), `code` is (K, A): one row a region.

        Raises:
            StyleError: no code, or one of another net.
        """
        if code is None:
            raise StyleError("a ghiasi net needs a code: encode a style picture")
        if code.shape[-1] != self.styles.shape[1]:
            raise StyleError(
                f"a code of {code.shape[-1]} numbers is of another net: this one takes {self.styles.shape[1]}"
            )
        return self.paint(x, code, regions)

    def encode(self, style: Tensor) -> Tensor:
        """Return the codes, (N, A), of style pictures, (N, 3, H, W) in [0, 1]."""
        return self.predictor(self.encoder(pad_to_multiple(style, 1, SMALLEST_STYLE)[0]))

    @torch.no_grad()
    def fold(self) -> Ghiasi:
        """Return the same net in less: no statistics in between, where two linear layers meet that make one.

        Such a net is for painting: what it would be taught by, the true statistics, has no place in it. It can go on
        learning end to end.
        """
        if self.arch.get("folded"):
            return self
        net = Ghiasi(**self.arch, folded=True)
        weights = self.state_dict()
        outer = [weights.pop(f"predictor.0.{part}").double() for part in ("weight", "bias")]
        inner = [weights[f"encoder.head.2.{part}"].double() for part in ("weight", "bias")]
        weights["encoder.head.2.weight"] = (outer[0] @ inner[0]).to(self.dtype)
        weights["encoder.head.2.bias"] = (outer[0] @ inner[1] + outer[1]).to(self.dtype)
        return net.load_weights(weights).to(self.device, self.dtype).train(self.training)

    @property
    def code_width(self) -> int:
        return self.styles.shape[1]

    def named_code(self, style: int) -> Tensor:
        if style >= (known := len(self.styles) - 1):  # the last row is the photo's
            raise StyleError(
                f"this ghiasi net knows {known} styles by name, and none is number {style}: encode a picture"
            )
        return self.styles[style, None]

"""One net, many styles: conditional instance norm.

Dumoulin, Shlens and Kudlur 2017, "A Learned Representation for Artistic Style" (arXiv:1610.07629).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from stylezoo.errors import OptionError, StyleError
from stylezoo.models.base import StyleNet
from stylezoo.models.table import StyleTable, hash_weights
from stylezoo.models.trunk_net import TrunkNet


class CIN(StyleTable, TrunkNet):
    """A trunk that all styles share, and a row of gammas and betas for each.

    A code holds mixing weights, (N or 1, R): how much of each row, those of the styles and last the photo's. Weights
    between 0 and 1 blend styles, weights beyond exaggerate them.

    Args:
        styles: how many.
        variant, width, blocks, antialiased: of the trunk, see `TrunkNet`.
        photo: whether there is a row for the photo. Nets from elsewhere have none: their paintings are faded into it.

    Departure from the paper: one more row, learnt to give the photo back, so that the strength of a style is a
    straight line in the net's own space and not only a fade between two pictures.
    """

    family: ClassVar[str] = "cin"
    least_styles: ClassVar[int] = 1

    def __init__(
        self,
        styles: int = 1,
        variant: str = "fast",
        width: int | str | None = None,
        blocks: int = 5,
        photo: bool = True,
        antialiased: bool = False,
    ) -> None:
        super().__init__(variant, width, blocks, antialiased)
        if not self.least_styles <= styles <= 4096:
            raise OptionError(f"styles must be from {self.least_styles} to 4096, not {styles}")
        self.arch = {"styles": styles} | self.arch | ({} if photo else {"photo": False})
        self.learns_photo = bool(photo)
        self.styles = nn.Parameter(self.trunk.neutral_affine().repeat(styles + self.learns_photo, 1))

    def forward(self, x: Tensor, code: Tensor | None = None, regions: Tensor | None = None) -> Tensor:
        """Stylize `x`, (N, 3, H, W) in [0, 1], with the mixing weights `code`, (N or 1, R).

        With `regions`, (N or 1, K, H, W), `code` is (K, R): one mix a region.

        Raises:
            StyleError: no code, though the net has several styles, or one of another net.
        """
        count = len(self.styles) - self.learns_photo
        if code is None and count == 1:
            code = self.named_code(0)
        if code is None:
            raise StyleError(f"a cin net with {count} styles needs a style code: name one or a mix")
        if code.shape[-1] != len(self.styles):
            raise StyleError(
                f"a style code of {code.shape[-1]} weights is from another net: this one has {count} styles"
            )
        return self.stylize(x, code @ self.styles, regions)

    def named_code(self, style: int) -> Tensor:
        """Return the code, (1, R), of one style; the photo's row has the last index."""
        code = self.styles.new_zeros(1, len(self.styles))
        code[0, style] = 1
        return code

    def photo_code(self, x: Tensor) -> Tensor | None:
        return self.named_code(-1) if self.learns_photo else None

    @torch.no_grad()
    def init_from(self, other: StyleNet, known: Mapping[int, int], name: str) -> None:
        """Take over the trunk of another net, and of one with a table the photo's row and those of known styles."""
        super().init_from(other, known, name)
        if not isinstance(other, CIN):
            return
        if self.learns_photo and other.learns_photo:
            self.styles[-1] = other.styles[-1]
        for here, there in known.items():
            self.styles[here] = other.styles[there]

    def on_same_trunk(self, styles: int) -> CIN:
        """Return a CIN net with this one's trunk, frozen, its photo's row if any, and neutral rows for other styles."""
        other = CIN(
            styles, **{key: self.arch[key] for key in (*self.trunk_args, "antialiased", "photo") if key in self.arch}
        )
        other.trunk.load_state_dict(self.trunk.state_dict())
        other.trunk.requires_grad_(False)
        if self.learns_photo:
            with torch.no_grad():
                other.styles[-1] = self.styles[-1]
        return other

    def trunk_hash(self) -> str:
        return hash_weights(self.trunk)

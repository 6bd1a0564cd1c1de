"""What the nets have in common that keep each style as a row of a table, besides the weights that all styles share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stylezoo.models.base import StyleNet
from stylezoo.runtime.layout import hash_tensors


class StyleTable(StyleNet):
    """A net with one row of numbers for each style that it knows by name.

    Attributes:
        styles: (S, A) parameter: the rows; where `learns_photo`, the last gives the photo back, so that the strength of
            a style is a straight line in the net's own space and not only a fade between two pictures.
        learns_photo: whether there is such a row.
    """

    learns_photo: bool = True
    styles: nn.Parameter

    def row(self, style: int) -> Tensor:
        """Return the row, (1, A), of one style; the photo's, where there is one, has the last index."""
        return self.styles.detach()[style, None]

    def add_row(self, row: Tensor) -> None:
        """Add a style, (1, A), behind the others, which stay as they are to the bit."""
        former = self.styles.detach()
        count = len(former) - self.learns_photo
        rows = torch.cat([former[:count], row.to(former), former[count:]])
        self.styles = nn.Parameter(rows, requires_grad=self.styles.requires_grad)
        self.arch = self.arch | {"styles": count + 1}

    def known_rows(self) -> list[Tensor]:
        """Return the rows, (1, A) each, of all styles."""
        return [self.row(index) for index in range(len(self.styles) - self.learns_photo)]

    @torch.no_grad()
    def set_row(self, index: int, row: Tensor) -> None:
        """Set the row of one style to `row`, (1, A)."""
        self.styles[index] = row[0]

    def trunk_hash(self) -> str:
        """Return the SHA-256 of what all styles share: two nets of one hash take each other's rows."""
        raise NotImplementedError


def hash_weights(module: nn.Module) -> str:
    """Return the SHA-256 of a module's weights, see `stylezoo.runtime.layout.hash_tensors`."""
    return hash_tensors({name: value.detach().cpu().half().numpy() for name, value in module.state_dict().items()})

"""Style cards: one row of a multi-style net as a tiny file, to be added to any net on the same trunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from stylezoo.errors import WeightsError
from stylezoo.files import replacing
from stylezoo.types import PathLike
from stylezoo.zoo.card import CardSpec, dump_card, read_card
from stylezoo.zoo.spec import CARD_KEY


@dataclass(frozen=True, eq=False)
class StyleCard:
    """One style of a net, without the net.

    Attributes:
        spec: its record.
        row: (1, A) float32, all gammas and betas; float32 so that the card paints to the bit what its net did.
    """

    spec: CardSpec
    row: Tensor

    def save(self, path: PathLike) -> None:
        """Write the card as safetensors, by rename; under 16 KB at the families' default widths."""
        with replacing(path) as temporary:
            save_file(
                {"row": self.row.detach().cpu().float().contiguous()}, temporary, {CARD_KEY: dump_card(self.spec)}
            )

    @classmethod
    def read(cls, path: PathLike) -> Self:
        """Read a card.

        Raises:
            WeightsError: there is no such file, or it is no card.
        """
        spec = read_card(path)
        try:
            row = load_file(path)["row"]
        except (OSError, SafetensorError, KeyError) as cause:
            raise WeightsError(f"cannot read the style card {path}: {cause}") from cause
        if row.ndim != 2 or len(row) != 1:
            raise WeightsError(f"the style card {path} holds a tensor of shape {tuple(row.shape)} in place of one row")
        return cls(spec, row.float())

"""Style cards: one style embedding in a tiny file, which any net with the same trunk can load. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from stylezoo._files import replacing
from stylezoo._records import convert
from stylezoo.errors import StyleError, WeightsError
from stylezoo.runtime.base import Floats, as_array
from stylezoo.runtime.weights import Weights
from stylezoo.types import PathLike
from stylezoo.zoo.card import CardSpec, dump_card, read_card
from stylezoo.zoo.spec import CARD_KEY, ModelSpec, StyleSpec


@dataclass(frozen=True, eq=False)
class StyleCard:
    """One style of a net, without the net.

    Attributes:
        spec: the card's record.
        row: (1, A) float32, all gammas and betas (a tensor is converted); float32 gives bit-identical results.
    """

    spec: CardSpec
    row: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "row", np.ascontiguousarray(as_array(self.row), dtype=np.float32))

    def save(self, path: PathLike) -> None:
        """Write the card as safetensors, atomically; under 16 KB at the default widths."""
        with replacing(path) as temporary:
            save_file({"row": self.row}, temporary, {CARD_KEY: dump_card(self.spec)})

    @classmethod
    def of(cls, model: ModelSpec, weights: Weights, row: Floats, style: Mapping[str, Any]) -> Self:
        """Return a card for a row, (1, A), of a model; `style` is the record of the style.

        Raises:
            StyleError: a field of the record is missing or invalid.
        """
        known = convert(dict(style), StyleSpec, "the style card", StyleError)
        trunk = weights.trunk_hash
        return cls(CardSpec(style=known, family=model.family, base=model.name, trunk=trunk, license=model.license), row)

    def check_fit(self, model: ModelSpec, weights: Weights) -> None:
        """Raise WeightsError unless the style fits a model with these weights."""
        style = self.spec.style.id
        if self.spec.trunk != weights.trunk_hash:
            instead = "encode the picture" if model.kind == "arbitrary" else "learn the style by stylezoo add-style"
            raise WeightsError(
                f"the style card '{style}' was made for another trunk, that of {self.spec.base}: "
                f"load that model, or {instead} for {model.name}"
            )
        width = weights.rows.shape[1]
        if self.row.shape != (1, width):
            raise WeightsError(
                f"the style card '{style}' has {self.row.size} numbers, not the {width} of {model.name}: "
                "get the card again"
            )

    @classmethod
    def read(cls, path: PathLike) -> Self:
        """Read a card.

        Raises:
            WeightsError: the file does not exist or is not a card.
        """
        spec = read_card(path)
        try:
            row = load_file(path)["row"]
        except (OSError, SafetensorError, KeyError) as cause:
            raise WeightsError(f"cannot read the style card {path}: {cause}") from cause
        if row.ndim != 2 or len(row) != 1:
            raise WeightsError(
                f"the style card {path} has a tensor of shape {row.shape}, not one row: get the card again"
            )
        return cls(spec, row)

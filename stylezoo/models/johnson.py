"""One net, one style.

Johnson, Alahi and Fei-Fei 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution"
(arXiv:1603.08155), with the instance norm of Ulyanov et al. 2016 (arXiv:1607.08022).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from stylezoo.models.base import StyleNet
from stylezoo.models.trunk_net import TrunkNet


class Johnson(TrunkNet):
    """A trunk and one affine vector, learnt with it; for the arguments see `TrunkNet`."""

    family: ClassVar[str] = "johnson"

    def __init__(
        self, variant: str = "fast", width: int | str | None = None, blocks: int = 5, antialiased: bool = False
    ) -> None:
        super().__init__(variant, width, blocks, antialiased)
        self.style = nn.Parameter(self.trunk.neutral_affine())

    def forward(self, x: Tensor, code: Tensor | None = None, regions: Tensor | None = None) -> Tensor:
        """Stylize `x`, (N, 3, H, W) in [0, 1]; `code`, (N or 1, affine_size), replaces the net's own affine vector."""
        return self.stylize(x, self.style if code is None else code, regions)

    def named_code(self, style: int) -> Tensor:
        return self.style

    def known_rows(self) -> list[Tensor]:
        return [self.style.detach()]

    @torch.no_grad()
    def set_row(self, index: int, row: Tensor) -> None:
        self.style.copy_(row)

    def init_from(self, other: StyleNet, known: Mapping[int, int], name: str) -> None:
        """Take over all of another such net; of a net of another family its trunk."""
        if isinstance(other, Johnson):
            StyleNet.init_from(self, other, known, name)
        else:
            super().init_from(other, known, name)

    def adapt_state_dict(self, weights: dict[str, Tensor], where: str = "the state dict") -> dict[str, Tensor]:
        """Accept the layout of the well-known PyTorch reference net too, `running_*` keys of old releases included.

        Raises:
            WeightsError: it is that layout, but not whole or of other sizes; said in its own names.
        """
        if not self.classic or "conv1.conv2d.weight" not in weights:
            return weights
        weights = {k: v for k, v in weights.items() if not re.search(r"\.(running_(mean|var)|num_batches_tracked)$", k)}
        layers = [(f"conv{i + 1}", f"in{i + 1}", f"encoder.{i}") for i in range(3)]
        for i in range(len(self.trunk.blocks)):
            layers += [(f"res{i + 1}.conv1", f"res{i + 1}.in1", f"blocks.{i}.first")]
            layers += [(f"res{i + 1}.conv2", f"res{i + 1}.in2", f"blocks.{i}.second")]
        layers += [(f"deconv{i + 1}", f"in{i + 4}", f"decoder.{i}") for i in range(2)]
        parts = ("weight", "bias")
        names = {f"{conv}.conv2d.{part}": f"trunk.{ours}.conv.{part}" for conv, _, ours in layers for part in parts}
        names |= {f"deconv3.conv2d.{part}": f"trunk.head.{part}" for part in parts}
        affine = [f"{norm}.{part}" for _, norm, _ in layers for part in parts]
        own = self.state_dict()
        shapes: dict[str, tuple[int, ...]] = {theirs: own[ours].shape for theirs, ours in names.items()}
        widths = [width for width in self.trunk.norm_widths for _ in parts]
        shapes |= {name: (width,) for name, width in zip(affine, widths, strict=True)}
        self.check_fit(weights, shapes, where)
        renamed = {ours: weights[theirs] for theirs, ours in names.items()}
        return renamed | {"style": torch.cat([weights[name] for name in affine])[None]}

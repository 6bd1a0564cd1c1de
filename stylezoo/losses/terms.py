"""Loss terms on feature maps and pictures, each as a function and as a module that keeps its target.

All return one value per picture, (N,). With `normalize` (the default) an error is divided by the size of its target,
so that it is 1 for features that are all zero (2 where a term sums two statistics), whatever the backbone, layer,
style or resolution: the same weights then serve everywhere. Without it the terms are the papers' own.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor, nn

from stylezoo.nn.stats import gram_matrix, mean_std, wide

TINY = 1e-12  # keeps a target of zeros (a black picture's features) from dividing by zero


def content_loss(features: Tensor, target: Tensor, *, normalize: bool = True) -> Tensor:
    """Mean squared error of feature maps, both (N, C, H, W), over mean(target^2) when normalised.

    Gatys et al. 2016 (arXiv:1508.06576), Johnson et al. 2016 (arXiv:1603.08155, eq. 2).
    """
    features, target = wide(features), wide(target)
    error = (features - target).square().mean(dim=(1, 2, 3))
    return error / target.square().mean(dim=(1, 2, 3)).clamp_min(TINY) if normalize else error


def gram_loss(
    features: Tensor,
    target: Tensor,
    *,
    normalize: bool = True,
    region: Tensor | None = None,
    photo: Tensor | None = None,
) -> Tensor:
    """Squared Frobenius distance of the Gram matrix of `features`, (N, C, H, W), to `target`, (N or 1, C, C).

    Over the squared Frobenius norm of the target when normalised, over C^2 otherwise. Gatys et al. 2016
    (arXiv:1508.06576, eq. 4, less its constant). `region`, (N or 1, 1, H, W), says how far each position counts: its
    square root is the guidance channel of Gatys et al. 2017 (arXiv:1611.07865, eq. 3), so that shares of a pixel which
    sum to 1 share it out. With `photo`, the features of the photo, (N, C, H', W'), the norm of their Gram matrix is
    added to that of the target: the balanced loss of Cheng et al. 2021 (arXiv:2104.10064), by which a style that is far
    quieter than the photo does not outweigh all others. It needs `normalize`.
    """
    target = wide(target)
    error = (gram_matrix(features, region) - target).square().sum(dim=(1, 2))
    if not normalize:
        return error / target.shape[-1] ** 2
    size = target.square().sum(dim=(1, 2))
    if photo is not None:
        size = size + gram_matrix(photo).square().sum(dim=(1, 2))
    return error / size.clamp_min(TINY)


def mean_std_loss(features: Tensor, target: tuple[Tensor, Tensor], *, normalize: bool = True) -> Tensor:
    """Squared distance of channel means and deviations of `features`, (N, C, H, W), to `target`, each (N or 1, C).

    Each sum over its target's squared norm when normalised, over C otherwise. Huang & Belongie 2017 (arXiv:1703.06868,
    eq. 13).
    """
    total = features.new_zeros(features.shape[0], dtype=wide(features).dtype)
    for value, goal in zip(mean_std(features), target, strict=True):
        error = (value - goal).square().sum(dim=1)
        total = total + error / (goal.square().sum(dim=1).clamp_min(TINY) if normalize else goal.shape[-1])
    return total


def total_variation(x: Tensor) -> Tensor:
    """Mean squared difference of neighbouring pixels of `x`, (N, C, H, W): across plus down. 0 for a flat picture."""
    x = wide(x)
    return x.diff(dim=2).square().mean(dim=(1, 2, 3)) + x.diff(dim=3).square().mean(dim=(1, 2, 3))


class ContentLoss(nn.Module):
    """`content_loss` to kept target features, (N or 1, C, H, W)."""

    target: Tensor

    def __init__(self, target: Tensor, *, normalize: bool = True) -> None:
        super().__init__()
        self.register_buffer("target", target.detach())
        self.normalize = normalize

    def forward(self, features: Tensor) -> Tensor:
        return content_loss(features, self.target, normalize=self.normalize)


class StyleTerm(nn.Module, abc.ABC):
    """A term that keeps what it needs of each style, its targets, as buffers of (S, ...).

    Args:
        styles: what `measure` takes of each style: a feature map, (1, C, H, W), or several, of the style image at
            several scales, which count the same. Sizes may differ.
    """

    def __init__(self, styles: Sequence[Tensor | Sequence[Tensor]]) -> None:
        super().__init__()
        with torch.no_grad():
            measured = [self.measure([style] if isinstance(style, Tensor) else style) for style in styles]
        if measured:
            self.keep({name: torch.cat([each[name] for each in measured]) for name in measured[0]})

    @abc.abstractmethod
    def measure(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return the targets of one style, (1, ...) each, from its feature maps, (1, C, H, W), one a scale."""

    def keep(self, targets: Mapping[str, Tensor]) -> Self:
        """Keep `targets`, (S, ...) each, as `measure` names them, and return the term."""
        for name, value in targets.items():
            self.register_buffer(name, value.detach())
        return self

    def rows(self, name: str, style: Tensor | None) -> Tensor:
        """Return a target for each picture; `style`, (N,) integers, says of which style; None: the first, (1, ...)."""
        kept = self.get_buffer(name)
        return kept[:1] if style is None else kept[style]


class GramLoss(StyleTerm):
    """`gram_loss` to the Gram matrices of kept styles, see `StyleTerm`."""

    target: Tensor

    def __init__(self, styles: Sequence[Tensor | Sequence[Tensor]] = (), *, normalize: bool = True) -> None:
        super().__init__(styles)
        self.normalize = normalize

    def measure(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        return {"target": torch.stack([gram_matrix(f) for f in features]).mean(dim=0)}

    def forward(self, features: Tensor, style: Tensor | None = None, photo: Tensor | None = None) -> Tensor:
        """Return the error of `features`, (N, C, H, W); for `style` see `StyleTerm.rows`, for `photo` `gram_loss`."""
        return gram_loss(features, self.rows("target", style), normalize=self.normalize, photo=photo)


class MeanStdLoss(StyleTerm):
    """`mean_std_loss` to the means and standard deviations of kept styles, see `StyleTerm`."""

    mean: Tensor
    std: Tensor

    def __init__(self, styles: Sequence[Tensor | Sequence[Tensor]] = (), *, normalize: bool = True) -> None:
        super().__init__(styles)
        self.normalize = normalize

    def measure(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        means, stds = (torch.stack(values) for values in zip(*map(mean_std, features), strict=True))
        mean = means.mean(dim=0)
        return {"mean": mean, "std": (stds.square() + (means - mean).square()).mean(dim=0).sqrt()}

    def forward(self, features: Tensor, style: Tensor | None = None) -> Tensor:
        """Return the error of `features`, (N, C, H, W); for `style` see `StyleTerm.rows`."""
        target = (self.rows("mean", style), self.rows("std", style))
        return mean_std_loss(features, target, normalize=self.normalize)


class TotalVariation(nn.Module):
    """`total_variation` as a module."""

    def forward(self, x: Tensor) -> Tensor:
        return total_variation(x)

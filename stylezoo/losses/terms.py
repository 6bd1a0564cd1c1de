"""Loss terms on feature maps and pictures, each as a function and as a module that keeps its target.

All return one value per picture, (N,). With `normalize` (the default) an error is divided by the size of its target,
so that it is 1 for features that are all zero (2 where a term sums two statistics), whatever the backbone, layer,
style or resolution: the same weights then serve everywhere. Without it the terms are the papers' own.
"""

from __future__ import annotations

from typing import Self, TypeVar

import torch
from torch import Tensor, nn

from stylezoo.nn.stats import gram_matrix, mean_std, wide

_TINY = 1e-12  # keeps a target of zeros (a black picture's features) from dividing by zero


def content_loss(features: Tensor, target: Tensor, *, normalize: bool = True) -> Tensor:
    """Mean squared error of feature maps, both (N, C, H, W), over mean(target^2) when normalised.

    Gatys et al. 2016 (arXiv:1508.06576), Johnson et al. 2016 (arXiv:1603.08155, eq. 2).
    """
    features, target = wide(features), wide(target)
    error = (features - target).square().mean(dim=(1, 2, 3))
    return error / target.square().mean(dim=(1, 2, 3)).clamp_min(_TINY) if normalize else error


def gram_loss(features: Tensor, target: Tensor, *, normalize: bool = True, region: Tensor | None = None) -> Tensor:
    """Squared Frobenius distance of the Gram matrix of `features`, (N, C, H, W), to `target`, (N or 1, C, C).

    Over the squared Frobenius norm of the target when normalised, over C^2 otherwise. Gatys et al. 2016
    (arXiv:1508.06576, eq. 4, less its constant). `region`, (N or 1, 1, H, W), says how far each position counts: its
    square root is the guidance channel of Gatys et al. 2017 (arXiv:1611.07865, eq. 3), so that shares of a pixel which
    sum to 1 share it out.
    """
    target = wide(target)
    error = (gram_matrix(features, region) - target).square().sum(dim=(1, 2))
    return error / target.square().sum(dim=(1, 2)).clamp_min(_TINY) if normalize else error / target.shape[-1] ** 2


def mean_std_loss(features: Tensor, target: tuple[Tensor, Tensor], *, normalize: bool = True) -> Tensor:
    """Squared distance of channel means and deviations of `features`, (N, C, H, W), to `target`, each (N or 1, C).

    Each sum over its target's squared norm when normalised, over C otherwise. Huang & Belongie 2017 (arXiv:1703.06868,
    eq. 13).
    """
    total = features.new_zeros(features.shape[0], dtype=wide(features).dtype)
    for value, goal in zip(mean_std(features), target, strict=True):
        error = (value - goal).square().sum(dim=1)
        total = total + error / (goal.square().sum(dim=1).clamp_min(_TINY) if normalize else goal.shape[-1])
    return total


def palette_target(styles: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return what `palette_loss` compares with, for style pictures of (1, 3, H, W) each in [0, 1].

    That is the mean colour, (S, 3), and the matrix that makes the colours' covariance the identity, (S, 3, 3).
    """
    means, whiteners = [], []
    for style in styles:
        colours = style[0].flatten(1).cpu().double()  # not every device has float64 or eigh
        values, vectors = torch.linalg.eigh(torch.cov(colours, correction=0))
        # The floor keeps noise in a picture of few hues from counting as a hue of its own.
        whiteners.append(vectors @ torch.diag(values.clamp_min(0.02**2).rsqrt()) @ vectors.T)
        means.append(colours.mean(dim=1))
    device = styles[0].device
    return torch.stack(means).float().to(device), torch.stack(whiteners).float().to(device)


def palette_loss(x: Tensor, target: tuple[Tensor, Tensor]) -> Tensor:
    """Distance of the colours of `x`, (N, 3, H, W) in [0, 1], to a style's: `palette_target`, (N, 3), (N, 3, 3).

    The sum of the squared mean and of the squared error of the covariance, both in the frame in which the style's
    colours have mean 0 and covariance 1, over 3. Not in the papers: in a Gram matrix light and dark outweigh hue
    so far that a short training learns strokes and stones, but not the accents of a palette.
    """
    mean, whitener = target
    with torch.autocast(x.device.type, enabled=False):
        x = wide(x)
        colours = whitener.to(x.dtype) @ (x.flatten(2) - mean[..., None].to(x.dtype))
        centre = colours.mean(dim=2)
        spread = colours - centre[..., None]
        covariance = spread @ spread.transpose(1, 2) / colours.shape[2]
    error = covariance - torch.eye(3, device=x.device, dtype=covariance.dtype)
    return (centre.square().sum(dim=1) + error.square().sum(dim=(1, 2))) / 3


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


class GramLoss(nn.Module):
    """`gram_loss` to the Gram matrices of kept styles.

    Args:
        styles: feature maps of each style at this layer, (1, C, H, W) each; sizes may differ.
    """

    target: Tensor

    def __init__(self, styles: list[Tensor], *, normalize: bool = True) -> None:
        super().__init__()
        self.register_buffer("target", torch.cat([gram_matrix(s) for s in styles]).detach())
        self.normalize = normalize

    @classmethod
    def of(cls, target: Tensor, *, normalize: bool = True) -> Self:
        """Return the term that keeps the Gram matrices `target`, (S, C, C)."""
        term = cls.__new__(cls)
        nn.Module.__init__(term)
        term.register_buffer("target", target.detach())
        term.normalize = normalize
        return term

    def forward(self, features: Tensor, style: Tensor | None = None) -> Tensor:
        """`style`, (N,) integers, says which kept style each picture goes with; None: the first."""
        target = self.target[:1] if style is None else self.target[style]
        return gram_loss(features, target, normalize=self.normalize)


class MeanStdLoss(nn.Module):
    """`mean_std_loss` to the means and standard deviations of kept styles; arguments as `GramLoss`."""

    mean: Tensor
    std: Tensor

    def __init__(self, styles: list[Tensor], *, normalize: bool = True) -> None:
        super().__init__()
        pairs = [mean_std(s) for s in styles]
        self.register_buffer("mean", torch.cat([mean for mean, _ in pairs]).detach())
        self.register_buffer("std", torch.cat([std for _, std in pairs]).detach())
        self.normalize = normalize

    def forward(self, features: Tensor, style: Tensor | None = None) -> Tensor:
        rows = slice(0, 1) if style is None else style
        return mean_std_loss(features, (self.mean[rows], self.std[rows]), normalize=self.normalize)


class PaletteLoss(nn.Module):
    """`palette_loss` to the colours of kept styles.

    Args:
        styles: the style pictures, (1, 3, H, W) each in [0, 1].
    """

    mean: Tensor
    whitener: Tensor

    def __init__(self, styles: list[Tensor]) -> None:
        super().__init__()
        mean, whitener = palette_target(styles)
        self.register_buffer("mean", mean)
        self.register_buffer("whitener", whitener)

    def forward(self, x: Tensor, style: Tensor | None = None) -> Tensor:
        """`style`, (N,) integers, says which kept style each picture goes with; None: the first."""
        rows = slice(0, 1) if style is None else style
        return palette_loss(x, (self.mean[rows], self.whitener[rows]))


Term = TypeVar("Term", GramLoss, MeanStdLoss, PaletteLoss)


def join(terms: list[Term]) -> Term:
    """Return one term that keeps the styles of all `terms`, which are used up, in their order."""
    whole = terms[0]
    for name in dict(whole.named_buffers()):
        setattr(whole, name, torch.cat([getattr(term, name) for term in terms]))
    return whole


class TotalVariation(nn.Module):
    """`total_variation` as a module."""

    def forward(self, x: Tensor) -> Tensor:
        return total_variation(x)

"""Perceptual losses: each term as a function and as a module, and their weighted sum over a backbone."""

from stylezoo.losses.perceptual import PerceptualLoss
from stylezoo.losses.sliced import PaletteLoss, SlicedLoss, sliced_quantiles, sliced_wasserstein
from stylezoo.losses.terms import (
    ContentLoss,
    GramLoss,
    MeanStdLoss,
    TotalVariation,
    content_loss,
    gram_loss,
    mean_std_loss,
    total_variation,
)

__all__ = [
    "ContentLoss",
    "GramLoss",
    "MeanStdLoss",
    "PaletteLoss",
    "PerceptualLoss",
    "SlicedLoss",
    "TotalVariation",
    "content_loss",
    "gram_loss",
    "mean_std_loss",
    "sliced_quantiles",
    "sliced_wasserstein",
    "total_variation",
]

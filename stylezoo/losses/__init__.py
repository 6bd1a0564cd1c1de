"""Perceptual losses: each term as a function and as a module, and their weighted sum over a backbone."""

from stylezoo.losses.perceptual import PerceptualLoss
from stylezoo.losses.terms import (
    ContentLoss,
    GramLoss,
    MeanStdLoss,
    PaletteLoss,
    TotalVariation,
    content_loss,
    gram_loss,
    mean_std_loss,
    palette_loss,
    palette_target,
    total_variation,
)

__all__ = [
    "ContentLoss",
    "GramLoss",
    "MeanStdLoss",
    "PaletteLoss",
    "PerceptualLoss",
    "TotalVariation",
    "content_loss",
    "gram_loss",
    "mean_std_loss",
    "palette_loss",
    "palette_target",
    "total_variation",
]

"""Perceptual losses: each term as a function and as a module, and their weighted sum over a backbone."""

from stylezoo.losses.perceptual import PerceptualLoss
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
    "PerceptualLoss",
    "TotalVariation",
    "content_loss",
    "gram_loss",
    "mean_std_loss",
    "total_variation",
]

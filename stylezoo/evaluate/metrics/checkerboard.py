"""Checkerboard artifacts: patterns of the period of a net's strides."""

from __future__ import annotations

import torch
from torch import Tensor

from stylezoo.evaluate.metrics.base import Metric, Picture, Scene

WINDOW = 32  # px; a multiple of the period
PERIOD = 4  # px; strides of 2 and 4 are what transform nets have
FLOOR = WINDOW**2 * (1 / 255) ** 2 / 12
"""Power that rounding to 8 bits gives every frequency of a window: below, nothing is seen."""


class CheckerboardEnergy(Metric):
    """checker = mean over windows of 10 log10(power at periods of 2 and 4 px / power at the frequencies around them).

    In decibels, of the luma in Hann windows of 32x32 px: 15 frequencies of period 4 or 2 in either direction, each
    against those two steps away. About 0 without artifacts, as white noise has; a period of 2 or 4 px that stands out
    gives 5 and more. Lower is better. Artifacts of strided and transposed convolutions: Odena et al. 2016,
    "Deconvolution and Checkerboard Artifacts".
    """

    key, title, better, decimals = "checker", "checkerboard energy", "lower", 2
    note = "checker is the power at periods of 2 and 4 px against neighbouring frequencies, in decibels: 0 is none."

    @torch.inference_mode()
    def measure(self, result: Picture, scene: Scene) -> float | None:
        luma = (result.pixels.double() * result.pixels.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(1)[0].cpu()
        if min(luma.shape) < WINDOW:
            return None
        power = spectra(luma) + FLOOR
        here, around = power.new_zeros(len(power)), power.new_zeros(len(power))
        step = WINDOW // PERIOD
        for k in range(0, WINDOW, step):
            for m in range(0, WINDOW, step):
                if k or m:
                    here = here + power[:, k, m]
                    around = around + torch.stack([power[:, i, j] for i, j in neighbours(k, m)]).mean(0)
        return float(10 * torch.log10(here / around).mean())


def spectra(luma: Tensor) -> Tensor:
    """Return the power spectra of the windows of a picture, (H, W), that overlap by half: (windows, 32, 32)."""
    windows = luma.unfold(0, WINDOW, WINDOW // 2).unfold(1, WINDOW, WINDOW // 2).reshape(-1, WINDOW, WINDOW)
    hann = torch.hann_window(WINDOW, dtype=luma.dtype)
    taper = hann[:, None] * hann * (8 / 3)  # mean square 1: a white spectrum keeps its power
    centred = windows - windows.mean(dim=(1, 2), keepdim=True)
    return torch.fft.fft2(centred * taper).abs().square()


def neighbours(k: int, m: int) -> list[tuple[int, int]]:
    """Return the frequencies two steps from (k, m): along an axis only where it lies on one, as edges do."""
    found = []
    if k:
        found += [((k + d) % WINDOW, m) for d in (-2, 2)]
    if m:
        found += [(k, (m + d) % WINDOW) for d in (-2, 2)]
    return found

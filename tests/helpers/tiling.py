"""Pictures that tile, and the seam of a picture that should."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def periodic(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """Return smooth random colours that tile, (height, width, 3) in [0, 1]."""
    spectrum = np.fft.rfft2(np.random.default_rng(seed).standard_normal((height, width, 3)), axes=(0, 1))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])[..., None]
    x = np.fft.irfft2(spectrum / (frequency + 0.01) ** 1.5, s=(height, width), axes=(0, 1))
    return (0.5 + 0.2 * (x - x.mean()) / x.std()).clip(0, 1).astype(np.float32)


def seams(picture: Any) -> tuple[float, float]:
    """Return how far opposite edges of (H, W, C) differ, across and down, in units of the mean neighbour difference."""
    x = np.asarray(picture, dtype=np.float64)
    across = np.abs(x[:, 0] - x[:, -1]).mean() / np.abs(np.diff(x, axis=1)).mean()
    down = np.abs(x[0] - x[-1]).mean() / np.abs(np.diff(x, axis=0)).mean()
    return float(across), float(down)

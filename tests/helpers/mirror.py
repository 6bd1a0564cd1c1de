"""What the tests of WCT and style swap share: pictures, a model on a runtime, and how far apart results are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage import data
from torch import Tensor

import stylezoo

Pixels = NDArray[np.uint8]
PHOTO: Pixels = np.asarray(data.astronaut())[20:140, 100:252]
STYLE: Pixels = np.asarray(data.immunohistochemistry())[:96, :128]
OTHER: Pixels = np.asarray(data.coffee())[100:228, 200:328]


def stylizer(name: str, backend: str) -> Callable[[], stylezoo.Stylizer]:
    """Return a fixture for a module: the model on that runtime, not to be changed."""

    @pytest.fixture(scope="module")
    def loaded() -> stylezoo.Stylizer:
        model = stylezoo.load(name, backend=backend)
        assert model.backend == backend
        return model

    return loaded


def tensor(pixels: Pixels) -> Tensor:
    """Return a picture, (H, W, 3), as a batch of one in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255


def levels(a: Any, b: Any) -> int:
    """Return by how many levels two pictures differ at most."""
    return int(np.abs(np.asarray(a).astype(int) - np.asarray(b).astype(int)).max())


def apart(a: Any, b: Any) -> float:
    """Return the share of values that differ by more than one level: two patches that fit equally may be swapped."""
    return float((np.abs(np.asarray(a).astype(int) - np.asarray(b).astype(int)) > 1).mean())


def maps() -> dict[str, Pixels]:
    """Return maps of `PHOTO` and of `OTHER` next to `STYLE`, see `two_styles`: the red part is on the left in both."""
    return {"content_map": _halves(120, 152, 70), "style_map": _halves(96, 224, 96)}


def two_styles() -> Pixels:
    """Return `OTHER` and, on its right, `STYLE`, (96, 224, 3)."""
    return np.concatenate([OTHER[:96, :96], STYLE], axis=1)


def _halves(height: int, width: int, at: int) -> Pixels:
    made = np.zeros((height, width, 3), np.uint8)
    made[:, :at, 0] = made[:, at:, 2] = 255
    return made

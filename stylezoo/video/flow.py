"""Flow-guided blending: blend with the previous stylized frame, warped by optical flow, where the photos agree.

After the short-term consistency of Ruder et al. 2016 (arXiv:1604.08610), with OpenCV's dense inverse search (Kroeger
et al. 2016, arXiv:1603.03590), and applied to a net's results instead of an optimisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from stylezoo.errors import OptionError
from stylezoo.video.clip import Pixels

SHARE = 0.6  # share of the previous stylized frame where the photos agree fully
DISAGREES = 12.0  # levels of 255 between photo and warped photo, at which the share falls to 1/e


class FlowBlend:
    """Blends each stylized frame with the previous one.

    Raises OptionError if OpenCV is not installed.
    """

    def __init__(self) -> None:
        try:
            cv2: Any = import_module("cv2")  # its stubs lack optical flow
        except ImportError as cause:
            raise OptionError(
                "flow-guided blending needs OpenCV: pip install 'stylezoo[flow]', or leave out flow (--flow)"
            ) from cause
        self._cv2 = cv2
        self._dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._grey: Any = None
        self._before: Any = None

    def __call__(self, photo: Pixels, stylized: Pixels) -> Pixels:
        """Return the blended frame, (H, W, 3 or 4), uint8; `photo` is the source of `stylized`, of any size."""
        cv2 = self._cv2
        height, width = stylized.shape[:2]
        grey = cv2.cvtColor(np.ascontiguousarray(photo[..., :3]), cv2.COLOR_RGB2GRAY)
        if grey.shape != (height, width):
            grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        result = stylized.astype(np.float32)
        if self._before is not None and self._before.shape == stylized.shape:
            flow = self._dis.calc(grey, self._grey, None)  # where each pixel was in the previous frame
            x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
            where = x + flow[..., 0], y + flow[..., 1]
            outside = (where[0] < 0) | (where[1] < 0) | (where[0] > width - 1) | (where[1] > height - 1)
            moved = cv2.remap(self._grey, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            apart = cv2.GaussianBlur(cv2.absdiff(grey, moved).astype(np.float32), (0, 0), 2)
            share = SHARE * np.exp(-((apart / DISAGREES) ** 2))
            share[outside] = 0
            old = cv2.remap(self._before.astype(np.float32), *where, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
            result += share[..., None] * (old - result)
        self._grey, self._before = grey, (result.clip(0, 255) + 0.5).astype(np.uint8)
        return self._before

    def state(self) -> dict[str, Pixels]:
        """Return the state, for `load_state`."""
        return {} if self._before is None else {"flow.grey": self._grey, "flow.before": self._before}

    def load_state(self, state: Mapping[str, Pixels]) -> None:
        """Continue from a state returned by `state`."""
        self._grey, self._before = state.get("flow.grey"), state.get("flow.before")

"""Flow-guided blending: what was stylized before, moved as the photo moved, where the photo agrees.

After the short-term consistency of Ruder et al. 2016 (arXiv:1604.08610), with optical flow by dense inverse search
(Kroeger et al. 2016, arXiv:1603.03590) as OpenCV has it, and applied to what a net stylized in place of an
optimisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from stylezoo.errors import OptionError
from stylezoo.video.clip import Pixels

SHARE = 0.6  # of what was stylized before, where the photos agree fully
DISAGREES = 12.0  # levels of 255 between photo and warped photo, at which the share falls to 1/e


class FlowBlend:
    """Blends each stylized frame with the one before it.

    Raises OptionError where OpenCV is not installed.
    """

    def __init__(self) -> None:
        try:
            cv2: Any = import_module("cv2")  # whose stubs lack the flow
        except ImportError as cause:
            raise OptionError(
                "flow-guided blending needs OpenCV: pip install 'stylezoo[flow]', or leave out flow (--flow)"
            ) from cause
        self._cv2 = cv2
        self._dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._grey: Any = None
        self._before: Any = None

    def __call__(self, photo: Pixels, stylized: Pixels) -> Pixels:
        """Return a stylized frame, (H, W, 3 or 4), uint8, blended; `photo` is what was stylized, of any size."""
        cv2 = self._cv2
        height, width = stylized.shape[:2]
        grey = cv2.cvtColor(np.ascontiguousarray(photo[..., :3]), cv2.COLOR_RGB2GRAY)
        if grey.shape != (height, width):
            grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        result = stylized.astype(np.float32)
        if self._before is not None and self._before.shape == stylized.shape:
            flow = self._dis.calc(grey, self._grey, None)  # where each pixel was in the frame before
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
        """Return all that is kept, to go on from it elsewhere."""
        return {} if self._before is None else {"flow.grey": self._grey, "flow.before": self._before}

    def load_state(self, state: Mapping[str, Pixels]) -> None:
        """Go on from what `state` returned."""
        self._grey, self._before = state.get("flow.grey"), state.get("flow.before")

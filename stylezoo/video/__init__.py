"""Video clips: read them as frames, and stylize them with their sound, timing and metadata."""

from __future__ import annotations

from stylezoo.video.clip import Clip, Frame, open_clip
from stylezoo.video.stylize import Facts, stylize_video

__all__ = ["Clip", "Facts", "Frame", "open_clip", "stylize_video"]

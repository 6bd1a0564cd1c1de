"""Clips: stylized frame by frame, with their sound, times and metadata, and read as frames."""

from __future__ import annotations

from stylezoo.video.clip import Clip, Frame, open_clip
from stylezoo.video.stylize import Facts, stylize_video

__all__ = ["Clip", "Facts", "Frame", "open_clip", "stylize_video"]

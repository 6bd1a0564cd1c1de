"""Pictures: files, PIL images, arrays and tensors to float tensors in [0, 1] and back; colour; size."""

from __future__ import annotations

from stylezoo.image.io import Picture, encode, read, write

__all__ = ["Picture", "encode", "read", "write"]

"""Models as files that other programs run: ONNX, programs of torch.export, and formats for phones."""

from stylezoo.export.check import Check
from stylezoo.export.phone import PhoneFiles, export_for
from stylezoo.export.write import Exported, export

__all__ = ["Check", "Exported", "PhoneFiles", "export", "export_for"]

"""Models as files that other programs run: ONNX, and programs of torch.export."""

from stylezoo.export.check import Check
from stylezoo.export.write import Exported, export

__all__ = ["Check", "Exported", "export"]

"""The runtime without torch: onnxruntime with numpy. `base.Runtime` is the interface of both runtimes."""

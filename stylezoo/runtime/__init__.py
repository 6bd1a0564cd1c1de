"""What computes a net without torch: onnxruntime with numpy. `base.Runtime` is the interface of both runtimes."""

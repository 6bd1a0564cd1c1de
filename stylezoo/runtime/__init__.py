"""What computes a net: onnxruntime with numpy alone, or torch. Both have the interface of `base.Runtime`."""

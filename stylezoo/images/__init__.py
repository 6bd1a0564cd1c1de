"""Pictures: files, PIL images, arrays and tensors to float tensors in [0, 1] and back; colour; size.

`pillow` and `files` do without torch.
"""

"""Pictures: read and write files, PIL images, arrays and tensors; colour, size, tiles and metadata.

`pillow` and `files` import no torch.
"""

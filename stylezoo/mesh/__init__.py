"""3D models: stylize their textures, in glTF and OBJ files. Geometry and all other maps stay as they are."""

from __future__ import annotations

from stylezoo.mesh.stylize import Facts, stylize_mesh

__all__ = ["Facts", "stylize_mesh"]

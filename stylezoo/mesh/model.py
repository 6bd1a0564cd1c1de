"""What a 3D model is to the rest of the package: base-colour textures, and how to write others in their place."""

from __future__ import annotations

import abc
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from stylezoo.errors import MeshError
from stylezoo.images.pillow import shown

Wrap = Literal["repeat", "mirror", "clamp"]
"""What a texture shows beyond its edges."""

Triangles = NDArray[np.float64]
"""(T, 3, 2): the corners of triangles in a texture, from (0, 0) at its top left to (1, 1) at its bottom right."""

NO_TRIANGLES: Triangles = np.zeros((0, 3, 2))


@dataclass(frozen=True, eq=False)
class Texture:
    """A base-colour image of a model.

    Attributes:
        name: what messages call it.
        data: the image file.
        wrap: across and down.
        triangles: where the model shows it; none: unknown.
        cut_out: whether alpha hides texels. Otherwise they are seen whatever their alpha is.
    """

    name: str
    data: bytes
    wrap: tuple[Wrap, Wrap]
    triangles: Triangles
    cut_out: bool = False


class Model(abc.ABC):
    """A model file with the files next to it.

    Attributes:
        source: the file.
        inputs: all files that were read.
        textures: at least one, in the order of the file.
    """

    source: Path
    inputs: list[Path]
    textures: list[Texture]

    @abc.abstractmethod
    def files(self, target: Path, data: Sequence[bytes]) -> dict[Path, bytes]:
        """Return the files of the model at `target` with these images as its textures, `target` itself last.

        Files that are there already, as they should be, are left out.
        """


class Neighbours:
    """The files next to a model, while it is written to another place.

    What changes gets a name that begins with that of the target, so that no input is overwritten. What does not
    change keeps its name: it is copied where the target is in another folder, also if it was outside of the old one.
    """

    def __init__(self, source: Path, target: Path) -> None:
        self.source, self.target = source, target
        self.written: dict[Path, bytes] = {}

    def changed(self, name: str, data: bytes) -> str:
        """Write other bytes in place of the file `name`, and return the new name."""
        stem, suffix = Path(name).stem, Path(name).suffix
        path = self.target.with_name(f"{self.target.stem}_{stem}{suffix}")
        number = 2
        while path in self.written:  # same names in different folders
            path, number = self.target.with_name(f"{self.target.stem}_{stem}_{number}{suffix}"), number + 1
        self.written[path] = data
        return path.name

    def kept(self, name: str) -> str:
        """Have the file `name` next to the target too, and return its name there."""
        before = self.source.parent / name
        after = self.target.parent / name
        if self.target.parent.resolve() not in after.resolve().parents:
            after = self.target.with_name(Path(name).name)
            name = after.name
        if before.resolve() != after.resolve() and before.is_file():
            data = read_bytes(before, self.source)
            if not (after.is_file() and after.read_bytes() == data):
                self.written[after] = data
        return name


def read_bytes(path: Path, of: Path) -> bytes:
    """Return the bytes of a file that the model `of` consists of; raise MeshError if that fails."""
    try:
        return path.read_bytes()
    except FileNotFoundError as cause:
        where = "" if path == of else f"{shown(of)}: "
        raise MeshError(f"{where}{shown(path)} does not exist: check the path") from cause
    except (OSError, ValueError) as cause:  # ValueError: a NUL in the path
        raise MeshError(f"cannot read {shown(path)}: {getattr(cause, 'strerror', None) or cause}") from cause


def local_path(name: str, of: Path, what: str) -> str:
    """Return a relative path with slashes; raise MeshError for an address on the network."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", name):
        raise MeshError(f"{shown(of)}: {what} is at {name[:100]}: download it, and name the file in its place")
    return name.replace("\\", "/")


def file_name(uri: str, of: Path, what: str) -> str:
    """Return the path that a relative URI names, as `local_path` does."""
    return unquote(local_path(uri, of, what))


def uri_of(name: str) -> str:
    """Return the URI of a file name."""
    return quote(name)

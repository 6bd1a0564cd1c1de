"""The base-colour images of an OBJ model with its MTL files, and how to write others in their place."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stylezoo.errors import MeshError
from stylezoo.images.pillow import shown
from stylezoo.mesh.model import NO_TRIANGLES, Model, Neighbours, Texture, Triangles, Wrap, local_path, read_bytes

MAPS = ("map_", "bump", "disp", "decal", "refl", "norm")
"""How the lines of an MTL file that name images begin."""
COLOUR = "map_kd"
ARGUMENTS = {"-blendu": 1, "-blendv": 1, "-bm": 1, "-boost": 1, "-cc": 1, "-clamp": 1, "-imfchan": 1, "-mm": 2}
ARGUMENTS |= {"-texres": 1, "-type": 1}
VECTORS = ("-o", "-s", "-t")  # options with one to three numbers


class _Map(NamedTuple):
    """A line of an MTL file that names an image.

    Attributes:
        head: what stands before the name.
        name: the file, which may have spaces.
        clamp: whether it shows its edge beyond it, not itself again.
        moved: whether it is scaled or moved, so that texture coordinates are not those of the faces.
    """

    head: str
    name: str
    clamp: bool
    moved: bool


class Obj(Model):
    """An .obj file with its .mtl files and images.

    Raises:
        MeshError: the file is damaged, has no texture, or lacks one.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self.inputs = [source]
        self._lines = _read_lines(source, source)
        self._libraries: dict[str, list[str]] = {}
        for name in _names(self._lines, "mtllib"):
            path = source.parent / _path(name, source)
            self._libraries[name] = _read_lines(path, source)
            self.inputs.append(path)
        try:
            shown_by = self._shown()
        except (ValueError, IndexError) as cause:
            raise MeshError(f"{shown(source)} is damaged: {cause}; export it again") from cause
        found: dict[str, list[tuple[_Map, Triangles]]] = defaultdict(list)
        for lines in self._libraries.values():
            for material, image in _colours(lines):
                found[image.name].append((image, shown_by.get(material, NO_TRIANGLES)))
        self._images = list(found)
        self.textures = [self._texture(name, uses) for name, uses in found.items()]
        if not self.textures:
            raise MeshError(f"{shown(source)} has no texture: no material of its MTL files has a map_Kd")

    def files(self, target: Path, data: Sequence[bytes]) -> dict[Path, bytes]:
        near = Neighbours(self.source, target)
        new = dict(zip(self._images, data, strict=True))
        names = {name: near.changed(_path(name, self.source), image) for name, image in new.items()}
        renamed: dict[str, str] = {}
        for library, lines in self._libraries.items():
            text = "".join(self._with_images(lines, names, near))
            renamed[library] = near.changed(_path(library, self.source), _encoded(text))
        made = []
        for line in self._lines:
            if line.split(None, 1)[:1] == ["mtllib"]:
                end = line[len(line.rstrip("\r\n")) :]
                line = f"mtllib {' '.join(renamed[name] for name in _names([line], 'mtllib'))}{end}"
            made.append(line)
        return near.written | {target: _encoded("".join(made))}

    def _with_images(self, lines: list[str], names: dict[str, str], near: Neighbours) -> Iterator[str]:
        for line in lines:
            image = _read_map(line)
            if image is None:
                yield line
                continue
            end = line[len(line.rstrip("\r\n")) :]
            if _word(line) == COLOUR:
                yield f"{image.head}{names[image.name]}{end}"
            else:
                path = _path(image.name, self.source)
                kept = near.kept(path)
                yield line if kept == path else f"{image.head}{kept}{end}"

    def _shown(self) -> dict[str, Triangles]:
        """Return the triangles of each material, with v downwards."""
        corners: list[tuple[float, float]] = []
        found: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
        material = ""
        for line in "".join(self._lines).replace("\\\r\n", " ").replace("\\\n", " ").splitlines():
            word, *values = line.split() or [""]
            if word == "vt":
                corners.append((float(values[0]), 1 - float(values[1] if len(values) > 1 else 0)))
            elif word == "usemtl":
                material = line.split(None, 1)[1].strip() if values else ""
            elif word == "f":
                places = [int(part.split("/")[1]) for part in values if part.count("/") and part.split("/")[1]]
                places = [place - 1 if place > 0 else len(corners) + place for place in places]
                if places and (min(places) < 0 or max(places) >= len(corners)):
                    raise IndexError(f"'{line.strip()[:60]}' names a corner that it lacks")
                found[material] += [(places[0], a, b) for a, b in itertools.pairwise(places[1:])]
        table = np.array(corners).reshape(-1, 2)
        return {name: table[np.array(faces)] for name, faces in found.items() if faces}

    def _texture(self, name: str, uses: list[tuple[_Map, Triangles]]) -> Texture:
        path = self.source.parent / _path(name, self.source)
        self.inputs.append(path)
        wrap: Wrap = "clamp" if all(image.clamp for image, _ in uses) else "repeat"
        moved = any(image.moved for image, _ in uses)
        triangles = NO_TRIANGLES if moved else np.concatenate([part for _, part in uses])
        return Texture(shown(path), read_bytes(path, self.source), (wrap, wrap), triangles)


def _read_lines(path: Path, of: Path) -> list[str]:
    """Return lines with their ends, from which `_encoded` makes the same bytes again whatever the encoding is."""
    return read_bytes(path, of).decode("utf-8", "surrogateescape").splitlines(keepends=True)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _path(name: str, source: Path) -> str:
    return local_path(name, source, "a file of it")


def _word(line: str) -> str:
    return (line.split(None, 1) or [""])[0].lower()


def _names(lines: list[str], word: str) -> list[str]:
    """Return what lines such as `mtllib a.mtl b.mtl` name; a name with spaces is one if it stands alone."""
    found = []
    for line in lines:
        if _word(line) == word and len(parts := line.split(None, 1)) > 1:
            text = parts[1].strip()
            found += [text] if text.lower().count(".mtl") < 2 else text.split()
    return list(dict.fromkeys(found))


def _colours(lines: list[str]) -> Iterator[tuple[str, _Map]]:
    """Yield the name of each material that has one, and its base-colour image."""
    material = ""
    for line in lines:
        if _word(line) == "newmtl":
            material = line.split(None, 1)[1].strip() if len(line.split()) > 1 else ""
        elif _word(line) == COLOUR and (image := _read_map(line)):
            yield material, image


def _read_map(line: str) -> _Map | None:
    """Return the image that a line of an MTL file names; None if it names none."""
    if not _word(line).startswith(MAPS):
        return None
    rest = line.rstrip()
    words = list(re.finditer(r"\S+", rest))[1:]
    clamp = moved = False
    while words and (option := words[0][0].lower()) in (*ARGUMENTS, *VECTORS):
        del words[0]
        if option in VECTORS:
            moved |= option != "-t"
            while words and _is_number(words[0][0]):
                del words[0]
            continue
        clamp |= option == "-clamp" and bool(words) and words[0][0] == "on"
        del words[: ARGUMENTS[option]]
    if not words:
        return None
    start = words[0].start()
    return _Map(rest[:start], rest[start:], clamp, moved)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True

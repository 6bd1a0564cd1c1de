"""The base-colour images of a glTF model, and how to write others in their place."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stylezoo.errors import MeshError
from stylezoo.images.pillow import shown
from stylezoo.mesh.accessors import triangles_of
from stylezoo.mesh.container import Container, Json, data_uri, renamed
from stylezoo.mesh.model import NO_TRIANGLES, Model, Neighbours, Texture, Triangles, Wrap, file_name, uri_of

PACKED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression")
"""Extensions by which texture coordinates cannot be read."""
FOREIGN = {"KHR_texture_basisu": "KTX2 (Basis)", "MSFT_texture_dds": "DDS"}
WRAPS: dict[int, Wrap] = {10497: "repeat", 33648: "mirror", 33071: "clamp"}
GLOSSY = "KHR_materials_pbrSpecularGlossiness"


@dataclass
class _Image:
    """What is known of an image that a base colour uses."""

    wraps: set[tuple[Wrap, Wrap]] = field(default_factory=set)
    triangles: list[Triangles | None] = field(default_factory=list)
    cut_out: bool = False


class Gltf(Model):
    """A .glb file, or a .gltf file with what lies next to it.

    Raises:
        MeshError: the file is damaged, has no texture, or one in a form that cannot be changed.
    """

    def __init__(self, source: Path) -> None:
        self.source = source
        self._container = container = Container(source)
        self.inputs = container.inputs
        self._document = container.document
        try:
            self._check_extensions()
            self._separate()
            found = self._images()
            self._order = sorted(found)
            self.textures = [self._texture(index, found[index]) for index in self._order]
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as cause:
            raise container.broken(f"it lacks a part that it refers to ({type(cause).__name__}: {cause})") from cause
        if not self.textures:
            raise MeshError(f"{shown(source)} has no texture: none of its materials has an image as its base colour")

    def files(self, target: Path, data: Sequence[bytes]) -> dict[Path, bytes]:
        container = copy.copy(self._container)
        container.document = document = copy.deepcopy(self._document)
        container.buffers = list(container.buffers)
        near = Neighbours(self.source, target)
        replaced: dict[int, bytes] = {}
        for index, new in zip(self._order, data, strict=True):
            image = document["images"][index]
            if "bufferView" in image:
                replaced[image["bufferView"]] = new
            elif image["uri"].startswith("data:"):
                image["uri"] = data_uri(image["uri"], new)
            else:
                image["uri"] = uri_of(near.changed(file_name(image["uri"], self.source, f"image {index}"), new))
        for index, image in enumerate(document["images"]):
            uri = image.get("uri", "data:")
            if index not in self._order and "://" not in uri and not uri.startswith("data:"):
                image["uri"] = renamed(uri, file_name(uri, self.source, f"image {index}"), near)
        packed = container.pack(near, container.replace_views(replaced))
        return near.written | {target: packed}

    def _check_extensions(self) -> None:
        for name in self._document.get("extensionsRequired", []):
            if name in PACKED:
                kind = "Draco" if "draco" in name else "meshopt"
                raise MeshError(
                    f"{shown(self.source)} is compressed with {kind} ({name}): export it without compression"
                )

    def _slots(self) -> Iterator[tuple[Json, Json]]:
        """Yield every material with the texture info of its base colour."""
        for material in self._document.get("materials", []):
            glossy = material.get("extensions", {}).get(GLOSSY, {})
            usual = material.get("pbrMetallicRoughness", {})
            for info in (usual.get("baseColorTexture"), glossy.get("diffuseTexture")):
                if info is not None:
                    yield material, info

    def _sources(self, texture: Json) -> Iterator[Json]:
        """Yield the records that name an image of a texture: its own, and those of its extensions."""
        for name, extension in texture.get("extensions", {}).items():
            if name in FOREIGN:
                raise MeshError(
                    f"{shown(self.source)} has a texture in {FOREIGN[name]}: export it as PNG, JPEG or WebP"
                )
            if isinstance(extension, dict) and "source" in extension:
                yield extension
        if "source" in texture:
            yield texture

    def _separate(self) -> None:
        """Give base colours images of their own where other maps use the same."""
        document = self._document
        base = [info for _, info in self._slots()]
        others = list(_infos(document.get("materials", []), {id(info) for info in base}))
        shared = {record["source"] for i in others for record in self._plain_sources(document["textures"][i["index"]])}
        views = defaultdict(list)
        for index, image in enumerate(document.get("images", [])):
            views[image.get("bufferView")].append(index)
        clones: dict[int, int] = {}
        for info in base:
            texture = document["textures"][info["index"]]
            names = [record["source"] for record in self._sources(texture)]
            alone = all(len(views[document["images"][n].get("bufferView", -1)]) < 2 for n in names)
            if alone and not shared.intersection(names):
                continue
            if info["index"] not in clones:
                clones[info["index"]] = len(document["textures"])
                document["textures"].append(copy.deepcopy(texture))
                for record in self._sources(document["textures"][-1]):
                    document["images"].append(copy.deepcopy(document["images"][record["source"]]))
                    record["source"] = len(document["images"]) - 1
                    if "bufferView" in document["images"][-1]:
                        view = document["bufferViews"][document["images"][-1]["bufferView"]]
                        document["bufferViews"].append(copy.deepcopy(view))
                        document["images"][-1]["bufferView"] = len(document["bufferViews"]) - 1
            info["index"] = clones[info["index"]]

    @staticmethod
    def _plain_sources(texture: Json) -> Iterator[Json]:
        yield from (t for t in (texture, *texture.get("extensions", {}).values()) if "source" in t)

    def _images(self) -> dict[int, _Image]:
        """Return the images of base colours, by index."""
        document = self._document
        found: dict[int, _Image] = defaultdict(_Image)
        shows = defaultdict(list)
        for mesh in document.get("meshes", []):
            for primitive in mesh["primitives"]:
                variants = primitive.get("extensions", {}).get("KHR_materials_variants", {}).get("mappings", [])
                for material in {primitive.get("material"), *(each["material"] for each in variants)} - {None}:
                    shows[material].append(primitive)
        order = {id(material): index for index, material in enumerate(document.get("materials", []))}
        for material, info in self._slots():
            texture = document["textures"][info["index"]]
            sampler = document["samplers"][texture["sampler"]] if "sampler" in texture else {}
            wrap = WRAPS[sampler.get("wrapS", 10497)], WRAPS[sampler.get("wrapT", 10497)]
            where = [triangles_of(self._container, each, info) for each in shows[order[id(material)]]]
            for record in self._sources(texture):
                image = found[record["source"]]
                image.wraps.add(wrap)
                image.triangles += where
                image.cut_out |= material.get("alphaMode", "OPAQUE") != "OPAQUE"
        return found

    def _texture(self, index: int, image: _Image) -> Texture:
        record = self._document["images"][index]
        uri = record.get("uri", "data:")
        label = record.get("name") or ("" if uri.startswith("data:") else uri)
        name = f"{shown(self.source)}: image {index}" + (f" ({label[:60]})" if label else "")
        if "bufferView" in record:
            data = self._container.view(record["bufferView"])
        else:
            data = self._container.load(record["uri"], f"image {index}")
        known = [part for part in image.triangles if part is not None]
        whole = not known or len(known) < len(image.triangles)
        triangles = NO_TRIANGLES if whole else np.concatenate(known)
        return Texture(name, data, _joined(image.wraps), triangles, image.cut_out)


def _joined(wraps: set[tuple[Wrap, Wrap]]) -> tuple[Wrap, Wrap]:
    """Return one wrap for an image that several samplers use: it repeats if it does in one of them."""

    def one(kinds: set[Wrap]) -> Wrap:
        return next(kind for kind in WRAPS.values() if kind in kinds)

    return one({across for across, _ in wraps}), one({down for _, down in wraps})


def _infos(value: Any, without: set[int]) -> Iterator[Json]:
    """Yield the texture infos in materials, but for some by their id."""
    if isinstance(value, list):
        for each in value:
            yield from _infos(each, without)
    elif isinstance(value, dict) and id(value) not in without:
        for name, each in value.items():
            if name.endswith("Texture") and isinstance(each, dict) and "index" in each and id(each) not in without:
                yield each
            yield from _infos(each, without)

"""Numbers in the buffers of a glTF model: texture coordinates, and which corners make triangles."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylezoo.mesh.container import Container, Json
from stylezoo.mesh.model import NO_TRIANGLES, Triangles

TYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
TRIANGLES, STRIP, FAN = 4, 5, 6  # the modes of a primitive that has surfaces


def read_accessor(container: Container, index: int) -> NDArray[Any]:
    """Return the elements of an accessor, (count, width): integers, or floats, in [0, 1] if it is normalised."""
    record = container.document["accessors"][index]
    width, count = WIDTHS[record["type"]], record["count"]
    values = np.zeros((count, width), dtype=TYPES[record["componentType"]])
    if "bufferView" in record:
        stride = container.document["bufferViews"][record["bufferView"]].get("byteStride")
        values = _elements(container, record, record["componentType"], count, width, stride)
    if sparse := record.get("sparse"):
        number = sparse["count"]
        rows = _elements(container, sparse["indices"], sparse["indices"]["componentType"], number, 1, None)
        values = values.copy()
        values[rows[:, 0]] = _elements(container, sparse["values"], record["componentType"], number, width, None)
    if record.get("normalized"):
        return (values / np.float64(np.iinfo(values.dtype).max)).clip(-1, 1)
    return values


def _elements(
    container: Container, place: Json, component: int, count: int, width: int, stride: int | None
) -> NDArray[Any]:
    data = container.view(place["bufferView"])
    kind = np.dtype(TYPES[component]).newbyteorder("<")
    steps = (stride or width * kind.itemsize, kind.itemsize)
    return np.ndarray((count, width), kind, data, place.get("byteOffset", 0), steps)  # ValueError: too short


def triangles_of(container: Container, primitive: Json, info: Json) -> Triangles | None:
    """Return where a primitive shows the texture of a texture info, (T, 3, 2); None if that is unknown."""
    mode = primitive.get("mode", TRIANGLES)
    transform = info.get("extensions", {}).get("KHR_texture_transform", {})
    channel = transform.get("texCoord", info.get("texCoord", 0))
    attribute = primitive["attributes"].get(f"TEXCOORD_{channel}")
    if (
        attribute is None
        or transform.get("rotation")
        or "KHR_draco_mesh_compression" in primitive.get("extensions", {})
    ):
        return None
    if mode not in (TRIANGLES, STRIP, FAN):
        return NO_TRIANGLES
    uv = read_accessor(container, attribute).astype(np.float64)
    uv = uv * transform.get("scale", (1, 1)) + transform.get("offset", (0, 0))
    corners = read_accessor(container, primitive["indices"])[:, 0] if "indices" in primitive else np.arange(len(uv))
    if mode == STRIP:
        corners = np.stack([corners[:-2], corners[1:-1], corners[2:]], axis=1)
    elif mode == FAN:
        corners = np.stack([np.full(len(corners) - 2, corners[0]), corners[1:-1], corners[2:]], axis=1)
    else:
        corners = corners[: len(corners) // 3 * 3].reshape(-1, 3)
    return uv[corners]

"""3D models made in code: a cube with an atlas of six islands on black, as GLB, glTF and OBJ."""

from __future__ import annotations

import base64
import io
import itertools
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tiling import periodic

SIDE = 128
GAP = 14  # texels around each island


def islands(side: int = SIDE) -> NDArray[np.bool_]:
    """Return which texels of the atlas the cube shows, (side, side): 3 by 2 rectangles."""
    mask = np.zeros((side, side), dtype=bool)
    for left, top, right, bottom in rectangles():
        mask[round(top * side) : round(bottom * side), round(left * side) : round(right * side)] = True
    return mask


def rectangles() -> list[tuple[float, float, float, float]]:
    """Return the islands: left, top, right, bottom in [0, 1]."""
    gap = GAP / SIDE
    cells = itertools.product(range(2), range(3))
    return [(x / 3 + gap / 2, y / 2 + gap / 2, (x + 1) / 3 - gap / 2, (y + 1) / 2 - gap / 2) for y, x in cells]


def atlas(mode: str = "RGB", side: int = SIDE) -> Image.Image:
    """Return smooth colours on the islands, and black between; "RGBA": alpha is 128 on the left half."""
    pixels = (periodic(side, side) * 255).astype(np.uint8)
    pixels[~islands(side)] = 0
    if mode == "RGBA":
        alpha = np.full((side, side, 1), 255, dtype=np.uint8)
        alpha[:, : side // 2] = 128
        pixels = np.concatenate([pixels, alpha], axis=2)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def cube() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint16]]:
    """Return the corners, (24, 3), their texture coordinates, (24, 2) with v downwards, and the triangles, (12, 3)."""
    corners, uv, faces = [], [], []
    for number, (axis, sign) in enumerate(itertools.product(range(3), (-1, 1))):
        left, top, right, bottom = rectangles()[number]
        for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            point = [0.0, 0.0, 0.0]
            point[axis], point[(axis + 1) % 3], point[(axis + 2) % 3] = sign, a * sign, b
            corners.append(point)
            uv.append((left if a < 0 else right, bottom if b < 0 else top))
        faces += [(4 * number, 4 * number + 1, 4 * number + 2), (4 * number, 4 * number + 2, 4 * number + 3)]
    return np.float32(corners), np.float32(uv), np.uint16(faces)


def document(image: bytes, *, mime: str = "image/png", sampler: dict[str, int] | None = None) -> tuple[Any, bytes]:
    """Return the JSON and the binary chunk of the cube; the image lies between coordinates and triangles."""
    corners, uv, faces = cube()
    normal = encoded(Image.new("RGB", (8, 8), (128, 128, 255)))
    parts = [corners.tobytes(), uv.tobytes(), image, faces.tobytes(), normal]
    body, views = bytearray(), []
    for part in parts:
        body += bytes(-len(body) % 4)
        views.append({"buffer": 0, "byteOffset": len(body), "byteLength": len(part)})
        body += part
    accessors = [
        {"bufferView": 0, "componentType": 5126, "count": 24, "type": "VEC3", "min": [-1] * 3, "max": [1] * 3},
        {"bufferView": 1, "componentType": 5126, "count": 24, "type": "VEC2"},
        {"bufferView": 3, "componentType": 5123, "count": 36, "type": "SCALAR"},
    ]
    colour = {"baseColorTexture": {"index": 0}, "roughnessFactor": 0.7123456789012345}
    return {
        "asset": {"version": "2.0", "generator": "a test"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": "Würfel"}],
        "meshes": [
            {"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}]},
        ],
        "materials": [{"pbrMetallicRoughness": colour, "normalTexture": {"index": 1}}],
        "textures": [{"source": 0, "sampler": 0}, {"source": 1}],
        "samplers": [sampler or {}],
        "images": [{"bufferView": 2, "mimeType": mime, "name": "atlas"}, {"bufferView": 4, "mimeType": "image/png"}],
        "buffers": [{"byteLength": len(body)}],
        "bufferViews": views,
        "accessors": accessors,
        "extras": {"kept": [1e-5, 0.1]},
    }, bytes(body)


def glb(scene: Any, body: bytes, *others: tuple[bytes, bytes]) -> bytes:
    text = json.dumps(scene).encode()
    chunks = [(b"JSON", text + b" " * (-len(text) % 4)), (b"BIN\0", body + bytes(-len(body) % 4)), *others]
    packed = b"".join(struct.pack("<I4s", len(data), kind) + data for kind, data in chunks)
    return struct.pack("<4sII", b"glTF", 2, 12 + len(packed)) + packed


def parts_of(path: Path) -> tuple[Any, bytes]:
    """Return the JSON and the binary chunk of a GLB file, read without the package's own reader."""
    data = path.read_bytes()
    assert data[:4] == b"glTF" and struct.unpack_from("<II", data, 4) == (2, len(data))
    (length,) = struct.unpack_from("<I", data, 12)
    scene = json.loads(data[20 : 20 + length])
    (size,) = struct.unpack_from("<I", data, 20 + length)
    return scene, data[28 + length : 28 + length + size]


def view_of(scene: Any, body: bytes, index: int) -> bytes:
    view = scene["bufferViews"][index]
    return body[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]


def write_gltf(folder: Path, image: bytes, *, embedded: bool) -> Path:
    """Write the cube as .gltf: with data URIs, or with files in folders beneath; return its path."""
    scene, body = document(image)
    normal = view_of(scene, body, 4)
    if embedded:
        kind = "data:application/octet-stream;base64,"
        scene["buffers"][0]["uri"] = kind + base64.b64encode(body).decode()
        scene["images"][0] = {"uri": "data:image/png;base64," + base64.b64encode(image).decode()}
    else:
        (folder / "maps").mkdir(parents=True)
        (folder / "cube.bin").write_bytes(body)
        (folder / "maps" / "the atlas.png").write_bytes(image)
        (folder / "maps" / "normal.png").write_bytes(normal)
        scene["buffers"][0]["uri"] = "cube.bin"
        scene["images"] = [{"uri": "maps/the%20atlas.png"}, {"uri": "maps/normal.png"}]
    path = folder / "cube.gltf"
    path.write_text(json.dumps(scene))
    return path


def write_obj(folder: Path, image: bytes) -> Path:
    """Write the cube as .obj with an .mtl, an image in a folder beneath, and a bump map; return its path."""
    corners, uv, faces = cube()
    (folder / "maps").mkdir(parents=True)
    (folder / "maps" / "the atlas.png").write_bytes(image)
    (folder / "maps" / "bump.png").write_bytes(encoded(Image.new("L", (8, 8), 99)))
    lines = ["# a cube", "mtllib cube.mtl", "o Würfel"]
    lines += [f"v {x:g} {y:g} {z:g}" for x, y, z in corners]
    lines += [f"vt {u:.6f} {1 - v:.6f}" for u, v in uv]
    lines += ["usemtl skin"] + ["f " + " ".join(f"{i + 1}/{i + 1}" for i in face) for face in faces]
    (folder / "cube.obj").write_bytes("\r\n".join(lines).encode("latin-1"))
    material = "newmtl skin\nKd 1 1 1\nmap_Kd -s 1 1 1 -clamp on maps\\the atlas.png\nmap_Bump -bm 0.5 maps/bump.png\n"
    (folder / "cube.mtl").write_text(material)
    return folder / "cube.obj"

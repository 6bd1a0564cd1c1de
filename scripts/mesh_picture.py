"""Draw the picture of docs/mesh.md: a model made in code, before and after, from two sides.

    python scripts/mesh_picture.py                         # docs/images/mesh.jpg
    python scripts/mesh_picture.py --keep build/           # also leave the models there

The model is a vase with a texture that repeats, on a block whose six sides are islands of one atlas. The renderer is
a few lines of numpy: it projects triangles and looks up their texture, with one light.
"""

from __future__ import annotations

import io
import itertools
import json
import math
import struct
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from stylezoo.images.io import write
from stylezoo.images.page import labelled_page
from stylezoo.mesh import stylize_mesh
from stylezoo.mesh.accessors import read_accessor
from stylezoo.mesh.container import Container

ROOT = Path(__file__).resolve().parents[1]
Floats = NDArray[np.float64]

SIDE = 300  # px of each picture on the page; they are rendered at three times that
ANGLES = (25.0, 145.0)  # degrees around the model
ZOOM = 1.45
LIGHT = np.array([0.45, 0.7, 0.55])
SKY = (236, 236, 232)
PROFILE = ((0.0, 0.34), (0.06, 0.42), (0.35, 0.66), (0.62, 0.74), (0.9, 0.62), (1.2, 0.36), (1.38, 0.3), (1.5, 0.42))
"""Height and radius of the vase."""


class Part(NamedTuple):
    """Corners, their normals and texture coordinates, triangles, and the texture as a file."""

    corners: Floats
    normals: Floats
    uv: Floats
    faces: NDArray[np.int64]
    image: bytes


def vase() -> Part:
    """Return the vase; its texture goes around it four times, and up twice."""
    heights, radii = np.array(PROFILE).T
    y = np.linspace(0, heights[-1], 49)
    radius = np.interp(y, heights, radii)
    radius = np.convolve(np.pad(radius, 4, mode="edge"), np.ones(9) / 9, "valid")
    turn = np.linspace(0, 2 * math.pi, 65)
    slope = -np.gradient(radius, y)
    corners, normals, uv = [], [], []
    for i, j in itertools.product(range(len(y)), range(len(turn))):
        across = np.array([math.cos(turn[j]), 0, math.sin(turn[j])])
        corners.append(across * radius[i] + (0, y[i], 0))
        normals.append(np.array([across[0], slope[i], across[2]]) / math.hypot(1, slope[i]))
        uv.append((4 * j / 64, 2 - 2 * i / 48))
    faces = []
    for i, j in itertools.product(range(len(y) - 1), range(len(turn) - 1)):
        a, b = i * len(turn) + j, (i + 1) * len(turn) + j
        faces += [(a, b, a + 1), (a + 1, b, b + 1)]
    photo = data.coffee()[40:360, 140:460]
    tile = np.concatenate([photo, photo[:, ::-1]], axis=1)  # mirrored, it tiles
    tile = np.concatenate([tile, tile[::-1]], axis=0)
    return Part(np.array(corners), np.array(normals), np.array(uv), np.array(faces), png(Image.fromarray(tile)))


def block() -> Part:
    """Return the block beneath: six photos on black in one atlas."""
    photos = [data.astronaut(), data.chelsea(), data.rocket(), data.coffee(), data.cat(), data.astronaut()]
    atlas = Image.new("RGB", (1200, 800))
    corners, normals, uv, faces = [], [], [], []
    for number, (axis, sign) in enumerate(itertools.product(range(3), (-1, 1))):
        photo = Image.fromarray(photos[number])
        side = min(photo.size)
        left, top = (photo.width - side) // 2, (photo.height - side) // 2
        x, y = number % 3 * 400 + 25, number // 3 * 400 + 25
        atlas.paste(photo.crop((left, top, left + side, top + side)).resize((350, 350)), (x, y))
        normal = np.zeros(3)
        normal[axis] = sign
        up = np.array([0.0, 1.0, 0.0]) if axis != 1 else np.array([0.0, 0.0, -float(sign)])
        right = np.cross(up, normal)
        for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            corners.append((normal + a * right + b * up) * (0.95, 0.6, 0.95) + (0, -0.6, 0))
            normals.append(normal)
            uv.append(((x + 175 + 174 * a) / 1200, (y + 175 - 174 * b) / 800))
        faces += [(4 * number, 4 * number + 1, 4 * number + 2), (4 * number, 4 * number + 2, 4 * number + 3)]
    return Part(np.array(corners), np.array(normals), np.array(uv), np.array(faces), png(atlas))


def png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def write_glb(parts: list[Part], path: Path) -> None:
    """Write parts as one GLB file, each a mesh with a material."""
    body = bytearray()
    scene: dict[str, Any] = {"asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": list(range(len(parts)))}]}
    scene |= {name: [] for name in ("nodes", "meshes", "materials", "textures", "images", "accessors", "bufferViews")}

    def view(content: bytes) -> int:
        body.extend(bytes(-len(body) % 4))
        scene["bufferViews"].append({"buffer": 0, "byteOffset": len(body), "byteLength": len(content)})
        body.extend(content)
        return len(scene["bufferViews"]) - 1

    def accessor(values: NDArray[Any], component: int, kind: str, **more: Any) -> int:
        record = {"bufferView": view(values.tobytes()), "componentType": component, "count": len(values), "type": kind}
        scene["accessors"].append(record | more)
        return len(scene["accessors"]) - 1

    for number, part in enumerate(parts):
        corners = part.corners.astype(np.float32)
        bounds = {"min": corners.min(axis=0).tolist(), "max": corners.max(axis=0).tolist()}
        attributes = {
            "POSITION": accessor(corners, 5126, "VEC3", **bounds),
            "NORMAL": accessor(part.normals.astype(np.float32), 5126, "VEC3"),
            "TEXCOORD_0": accessor(part.uv.astype(np.float32), 5126, "VEC2"),
        }
        indices = accessor(part.faces.astype(np.uint16).reshape(-1), 5123, "SCALAR")
        scene["meshes"].append({"primitives": [{"attributes": attributes, "indices": indices, "material": number}]})
        scene["nodes"].append({"mesh": number})
        colour = {"baseColorTexture": {"index": number}, "metallicFactor": 0}
        scene["materials"].append({"pbrMetallicRoughness": colour})
        scene["textures"].append({"source": number})
        scene["images"].append({"bufferView": view(part.image), "mimeType": "image/png"})
    scene["buffers"] = [{"byteLength": len(body)}]
    text = json.dumps(scene).encode()
    text += b" " * (-len(text) % 4)
    body.extend(bytes(-len(body) % 4))
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(body), b"BIN\0") + body
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)


def read_glb(path: Path) -> list[Part]:
    """Return the parts of a file of `write_glb`."""
    container = Container(path)
    parts = []
    for number, mesh in enumerate(container.document["meshes"]):
        (primitive,) = mesh["primitives"]
        names = ("POSITION", "NORMAL", "TEXCOORD_0")
        corners, normals, uv = (
            read_accessor(container, primitive["attributes"][name]).astype(np.float64) for name in names
        )
        faces = read_accessor(container, primitive["indices"]).astype(np.int64).reshape(-1, 3)
        image = container.view(container.document["images"][number]["bufferView"])
        parts.append(Part(corners, normals, uv, faces, image))
    return parts


def render(parts: list[Part], angle: float, side: int) -> Image.Image:
    """Return a view of the parts from an angle around them, in degrees."""
    turn, tilt = math.radians(angle), math.radians(14)
    around = np.array([[math.cos(turn), 0, math.sin(turn)], [0, 1, 0], [-math.sin(turn), 0, math.cos(turn)]])
    down = np.array([[1, 0, 0], [0, math.cos(tilt), -math.sin(tilt)], [0, math.sin(tilt), math.cos(tilt)]])
    camera = down @ around
    canvas = np.full((side, side, 3), SKY, dtype=np.float64)
    depth = np.full((side, side), np.inf)
    for part in parts:
        with Image.open(io.BytesIO(part.image)) as image:
            texture = np.asarray(image.convert("RGB")).astype(np.float64)
        seen = (part.corners - (0, 0.12, 0)) @ camera.T
        away = 5.6 - seen[:, 2]
        places = seen[:, :2] / away[:, None] * (ZOOM, -ZOOM) * side + side / 2
        light = 0.45 + 0.6 * (part.normals @ around.T @ (LIGHT / np.linalg.norm(LIGHT))).clip(0)
        values = np.concatenate([part.uv, light[:, None], np.ones((len(part.uv), 1))], axis=1) / away[:, None]
        for face in part.faces:
            _draw(canvas, depth, places[face], values[face], texture)
    return Image.fromarray(canvas.clip(0, 255).astype(np.uint8)).resize((side // 3, side // 3), Image.Resampling.BOX)


def _draw(canvas: Floats, depth: Floats, corners: Floats, values: Floats, texture: Floats) -> None:
    """Draw one triangle: its corners in px, and (u, v, light, 1) of each divided by the distance."""
    low = np.floor(corners.min(axis=0)).astype(int).clip(0)
    high = np.ceil(corners.max(axis=0)).astype(int).clip(max=canvas.shape[0] - 1) + 1
    (ax, ay), (bx, by), (cx, cy) = corners
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if (high <= low).any() or abs(area) < 1e-9:
        return
    x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
    first = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
    second = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
    shares = np.stack([first, second, 1 - first - second], axis=-1)
    found = shares @ values
    distance = 1 / found[..., 3].clip(1e-9)
    window = slice(low[1], high[1]), slice(low[0], high[0])
    shown = (shares >= -1e-9).all(axis=-1) & (distance < depth[window])
    u, v, light = (found[..., i][shown] * distance[shown] for i in range(3))
    canvas[window][shown] = sample(texture, u, v) * light[:, None]
    depth[window][shown] = distance[shown]


def sample(texture: Floats, u: Floats, v: Floats) -> Floats:
    """Return colours at texture coordinates, which repeat, by bilinear interpolation."""
    height, width = texture.shape[:2]
    x, y = u * width - 0.5, v * height - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = (x - left)[:, None], (y - top)[:, None]
    rows = [texture[(top + i) % height, left % width] for i in (0, 1)]
    after = [texture[(top + i) % height, (left + 1) % width] for i in (0, 1)]
    upper, lower = (a * (1 - right) + b * right for a, b in zip(rows, after, strict=True))
    return np.asarray(upper * (1 - down) + lower * down)


@click.command()
@click.option("--out", default=ROOT / "docs/images/mesh.jpg", type=click.Path(path_type=Path), help="File to write.")
@click.option("--model", default="cin/16-large", help="The model that stylizes.")
@click.option("--style", default="starry_night", help="The style.")
@click.option("--keep", type=click.Path(path_type=Path), help="Leave the models in this folder.")
def main(out: Path, model: str, style: str, keep: Path | None) -> None:
    """Draw the picture of docs/mesh.md."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        write_glb([vase(), block()], folder / "vase.glb")
        facts = stylize_mesh(folder / "vase.glb", folder / "stylized.glb", model, style, overwrite=True)
        click.echo(f"{facts.seconds:.1f} s for {len(facts.textures)} textures")
        models = [read_glb(folder / name) for name in ("vase.glb", "stylized.glb")]
        for before, after in zip(*models, strict=True):
            assert all(np.array_equal(a, b) for a, b in zip(before[:4], after[:4], strict=True))
        pictures = [render(parts, angle, 3 * SIDE) for parts in models for angle in ANGLES]
    names = ["The model", "From the other side", f"In {style}", "From the other side"]
    write(labelled_page(pictures, [(name, "") for name in names], columns=4), out, overwrite=True, quality=85)
    click.echo(f"{out} {out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()

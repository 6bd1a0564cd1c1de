"""Stylized 3D models: geometry and other maps equal to the byte, base colours stylized on their islands."""

from __future__ import annotations

import base64
import contextlib
import io
import json
from pathlib import Path
from typing import Any

import models
import numpy as np
import pytest
from PIL import Image
from tiling import periodic, seams

import stylezoo
from stylezoo.errors import MeshError, OptionError
from stylezoo.mesh import stylize_mesh
from stylezoo.stylizer.stylizer import Stylizer


@pytest.fixture(scope="module")
def net() -> Stylizer:
    return stylezoo.load("cin/16")


def image_of(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def check_colours(before: np.ndarray, after: np.ndarray) -> None:
    """The islands are stylized and the gaps have their colours."""
    inside = models.islands()
    assert after.shape == before.shape
    assert np.abs(after[inside].astype(int) - before[inside])[..., :3].mean() > 10
    edge = after[: models.SIDE // 2, : models.SIDE // 3]  # of the first island
    left = models.GAP // 2
    assert np.abs(edge[20:40, left - 3].astype(int) - edge[20:40, left + 1]).max() < 60
    assert (after[~inside].mean(axis=0) > 20).all()  # it was black


@pytest.mark.parametrize(("mode", "kind"), [("RGB", "PNG"), ("RGBA", "PNG"), ("RGB", "JPEG")])
def test_a_glb_cube(net: Stylizer, tmp_path: Path, mode: str, kind: str) -> None:
    before = models.encoded(models.atlas(mode), kind)
    scene, body = models.document(before, mime=f"image/{kind.lower()}")
    (tmp_path / "cube.glb").write_bytes(models.glb(scene, body, (b"MINE", b"kept")))
    facts = stylize_mesh(tmp_path / "cube.glb", tmp_path / "out.glb", net, "starry_night")
    made, data = models.parts_of(tmp_path / "out.glb")
    assert (tmp_path / "out.glb").read_bytes().endswith(b"\4\0\0\0MINEkept")
    for index in (0, 1, 3, 4):  # corners, coordinates, triangles and the normal map
        assert models.view_of(made, data, index) == models.view_of(scene, body, index)
        assert made["bufferViews"][index]["byteOffset"] % 4 == 0
    assert (
        made["buffers"][0]["byteLength"] == len(data.rstrip(b"\0")) or len(data) - made["buffers"][0]["byteLength"] < 4
    )
    check_colours(image_of(before), image_of(after := models.view_of(made, data, 2)))
    if mode == "RGBA":
        assert np.array_equal(image_of(before)[..., 3], image_of(after)[..., 3])
    with Image.open(io.BytesIO(after)) as image:
        assert image.format == kind
    for part in (scene, made):  # nothing else has changed
        del part["bufferViews"], part["buffers"]
    assert scene == made
    assert facts.textures[0][1:3] == (models.SIDE, models.SIDE) and 0.5 < facts.textures[0][3] < 0.8


@pytest.mark.parametrize("embedded", [True, False])
def test_a_gltf_cube(net: Stylizer, tmp_path: Path, embedded: bool) -> None:
    before = models.encoded(models.atlas())
    (tmp_path / "in").mkdir()
    source = models.write_gltf(tmp_path / "in", before, embedded=embedded)
    kept = {path: path.read_bytes() for path in (tmp_path / "in").rglob("*") if path.is_file()}
    stylize_mesh(source, tmp_path / "out" / "new.gltf", net, "starry_night")
    scene, made = json.loads(source.read_text()), json.loads((tmp_path / "out" / "new.gltf").read_text())
    if embedded:
        after = base64.b64decode(made["images"][0]["uri"].partition(",")[2])
        assert made["buffers"] == scene["buffers"]
    else:
        after = (tmp_path / "out" / "new_the atlas.png").read_bytes()
        assert made["images"][0]["uri"] == "new_the%20atlas.png"
        assert (tmp_path / "out" / "cube.bin").read_bytes() == (tmp_path / "in" / "cube.bin").read_bytes()
        copied = tmp_path / "out" / "maps" / "normal.png"
        assert copied.read_bytes() == (tmp_path / "in" / "maps" / "normal.png").read_bytes()
    check_colours(image_of(before), image_of(after))
    assert made["images"][1:] == scene["images"][1:] and made["materials"] == scene["materials"]
    assert kept == {path: path.read_bytes() for path in (tmp_path / "in").rglob("*") if path.is_file()}


def test_an_obj_cube(net: Stylizer, tmp_path: Path) -> None:
    before = models.encoded(models.atlas())
    source = models.write_obj(tmp_path / "in", before)
    stylize_mesh(source, tmp_path / "out" / "new.obj", net, "starry_night")
    made = (tmp_path / "out" / "new.obj").read_bytes()
    assert made == source.read_bytes().replace(b"mtllib cube.mtl", b"mtllib new_cube.mtl")
    material = (tmp_path / "out" / "new_cube.mtl").read_text()
    assert (
        "map_Kd -s 1 1 1 -clamp on new_the atlas.png\n" in material and "map_Bump -bm 0.5 maps/bump.png\n" in material
    )
    assert (tmp_path / "out" / "maps" / "bump.png").is_file()
    after = image_of((tmp_path / "out" / "new_the atlas.png").read_bytes())
    assert np.abs(after.astype(int) - image_of(before)).mean() > 10


def test_obj_islands_are_those_of_the_faces(net: Stylizer, tmp_path: Path) -> None:
    before = models.encoded(models.atlas())
    source = models.write_obj(tmp_path, before)
    (tmp_path / "cube.mtl").write_text("newmtl skin\nmap_Kd maps/the atlas.png\n")
    facts = stylize_mesh(source, tmp_path / "new.obj", net, "starry_night")
    check_colours(image_of(before), image_of((tmp_path / "new_the atlas.png").read_bytes()))
    assert 0.5 < facts.textures[0][3] < 0.8
    assert {Path(name).name for name in facts.files} == {"new.obj", "new_cube.mtl", "new_the atlas.png"}


@pytest.mark.parametrize(("sampler", "tiles"), [({}, True), ({"wrapS": 33071, "wrapT": 33071}, False)])
def test_a_repeating_texture_tiles_and_a_clamped_one_need_not(net, tmp_path, sampler, tiles) -> None:
    image = models.encoded(Image.fromarray((periodic(120, 150) * 255).astype(np.uint8)))
    scene, body = models.document(image, sampler=sampler)
    scene["meshes"][0]["primitives"][0]["attributes"].pop("TEXCOORD_0")  # so all of it counts
    (tmp_path / "cube.glb").write_bytes(models.glb(scene, body))
    stylize_mesh(tmp_path / "cube.glb", tmp_path / "out.glb", net, "starry_night")
    made = models.parts_of(tmp_path / "out.glb")
    assert (max(seams(image_of(models.view_of(*made, 2)))) <= 2) is tiles


def test_black_gaps_do_not_change_the_islands(net: Stylizer, tmp_path: Path) -> None:
    """The gaps' own colours do not matter: norm statistics do not see them."""
    results = []
    for gap in (0, 255):
        pixels = np.asarray(models.atlas()).copy()
        pixels[~models.islands()] = gap
        scene, body = models.document(models.encoded(Image.fromarray(pixels)))
        (tmp_path / f"{gap}.glb").write_bytes(models.glb(scene, body))
        stylize_mesh(tmp_path / f"{gap}.glb", tmp_path / f"{gap}_out.glb", net, "starry_night")
        results.append(image_of(models.view_of(*models.parts_of(tmp_path / f"{gap}_out.glb"), 2))[models.islands()])
    black, white = (result.astype(int) for result in results)
    assert np.array_equal(black, white)


def test_a_base_colour_that_is_also_another_map_gets_an_image_of_its_own(net: Stylizer, tmp_path: Path) -> None:
    before = models.encoded(models.atlas())
    scene, body = models.document(before)
    scene["materials"][0]["emissiveTexture"] = {"index": 0}
    (tmp_path / "cube.glb").write_bytes(models.glb(scene, body))
    stylize_mesh(tmp_path / "cube.glb", tmp_path / "out.glb", net, "starry_night")
    made, data = models.parts_of(tmp_path / "out.glb")

    def image(info: dict[str, Any]) -> bytes:
        return models.view_of(made, data, made["images"][made["textures"][info["index"]]["source"]]["bufferView"])

    assert image(made["materials"][0]["emissiveTexture"]) == before
    check_colours(image_of(before), image_of(image(made["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"])))
    for index in (0, 1, 3):
        assert models.view_of(made, data, index) == models.view_of(scene, body, index)


def test_inputs_and_existing_files_are_kept(net: Stylizer, tmp_path: Path) -> None:
    source = models.write_obj(tmp_path, models.encoded(models.atlas()))
    with pytest.raises(OptionError, match=r"cube\.obj"):
        stylize_mesh(source, source, net, "starry_night", overwrite=True)
    (tmp_path / "new_cube.mtl").write_text("mine")
    with pytest.raises(OptionError, match=r"new_cube\.mtl"):
        stylize_mesh(source, tmp_path / "new.obj", net, "starry_night")
    stylize_mesh(source, tmp_path / "new.obj", net, "starry_night", overwrite=True)
    with pytest.raises(OptionError, match=r"\.obj"):
        stylize_mesh(source, tmp_path / "new.glb", net, "starry_night")
    with pytest.raises(OptionError, match="size"):
        stylize_mesh(source, tmp_path / "new.obj", net, "starry_night", size=64)


def broken(kind: str) -> bytes:
    scene, body = models.document(models.encoded(models.atlas()))
    texture, image = scene["textures"][0], scene["images"][0]
    if kind == "no texture":
        del scene["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]
    elif kind == "Draco":
        scene["extensionsRequired"] = ["KHR_draco_mesh_compression"]
    elif kind == "meshopt":
        scene["extensionsRequired"] = ["EXT_meshopt_compression"]
    elif kind == "KTX2":
        texture["extensions"] = {"KHR_texture_basisu": {"source": 0}}
    elif kind == "Basis":
        image |= {"mimeType": "image/ktx2"}
        place = scene["bufferViews"][2]["byteOffset"]
        body = body[:place] + b"\xabKTX 20\xbb\r\n\x1a\n" + body[place + 12 :]
    elif kind == "https://example.org/atlas.png":
        scene["images"][0] = {"uri": kind}
    elif kind == "buffer 1":
        scene["buffers"].append({"uri": "https://example.org/a.bin", "byteLength": 4})
    elif kind == "nowhere.png":
        scene["images"][0] = {"uri": kind}
    elif kind == "IndexError":
        scene["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]["index"] = 9
    elif kind == "not an image":
        place = scene["bufferViews"][2]["byteOffset"]
        body = body[:place] + bytes(64) + body[place + 64 :]
    elif kind == "buffer view":
        scene["bufferViews"][1]["byteLength"] = 10**7
    elif kind == "glTF 2.0":
        scene["asset"]["version"] = "1.0"
    data = models.glb(scene, body)
    if kind == "header":
        return data[:-9]
    return data.replace(b'"scenes"', b"'scenes'") if kind == "JSON" else data


@pytest.mark.parametrize(
    "kind",
    [
        "no texture",
        "Draco",
        "meshopt",
        "KTX2",
        "Basis",
        "https://example.org/atlas.png",
        "buffer 1",
        "nowhere.png",
        "IndexError",
        "not an image",
        "buffer view",
        "glTF 2.0",
        "header",
        "JSON",
    ],
)
def test_what_cannot_be_stylized_is_named(net: Stylizer, tmp_path: Path, kind: str) -> None:
    (tmp_path / "bad.glb").write_bytes(broken(kind))
    with pytest.raises(MeshError, match=kind) as caught:
        stylize_mesh(tmp_path / "bad.glb", tmp_path / "out.glb", net, "starry_night")
    assert "bad.glb" in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "out.glb").exists()


def test_any_byte_may_be_wrong(net: Stylizer, tmp_path: Path) -> None:
    """Whatever is damaged, nothing but a MeshError is raised while the model is read."""
    from stylezoo.mesh.stylize import open_model

    scene, body = models.document(models.encoded(models.atlas()))
    data = models.glb(scene, body)
    random = np.random.default_rng(0)
    for number in range(300):
        at = int(random.integers(0, 2200))
        changed = data[:at] + bytes([int(random.integers(32, 127))]) + data[at + 1 :]
        path = tmp_path / f"{number}.glb"
        path.write_bytes(changed)
        with contextlib.suppress(MeshError):
            open_model(path, tmp_path / "out.glb")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("no texture", "map_Kd"),
        ("no material file", "cube.mtl"),
        ("no image", "the atlas.png"),
        ("no corner", "f 1/99"),
    ],
)
def test_what_is_wrong_with_an_obj_is_named(net: Stylizer, tmp_path: Path, kind: str, words: str) -> None:
    source = models.write_obj(tmp_path, models.encoded(models.atlas()))
    if kind == "no texture":
        (tmp_path / "cube.mtl").write_text("newmtl skin\nKd 1 1 1\n")
    elif kind == "no corner":
        source.write_bytes(source.read_bytes() + b"\r\nf 1/99 2/2 3/3")
    else:
        (tmp_path / {"no material file": "cube.mtl"}.get(kind, "maps/the atlas.png")).unlink()
    with pytest.raises(MeshError, match=words):
        stylize_mesh(source, tmp_path / "new.obj", net, "starry_night")

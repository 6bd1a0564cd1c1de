"""Stylize the textures of a 3D model."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from stylezoo._files import replacing, shows
from stylezoo.errors import ImageError, MeshError, OptionError
from stylezoo.images.files import check_quality
from stylezoo.images.io import encode
from stylezoo.images.pillow import shown
from stylezoo.mesh.gltf import Gltf
from stylezoo.mesh.islands import coverage, fill, within
from stylezoo.mesh.model import Model, Texture
from stylezoo.mesh.obj import Obj
from stylezoo.runtime.base import StyleCode
from stylezoo.runtime.options import StylizeOptions
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.types import PathLike, StyleLike

KINDS: dict[str, type[Gltf] | type[Obj]] = {".glb": Gltf, ".gltf": Gltf, ".obj": Obj}
OPTIONS = ("strength", "stroke", "palette", "preserve_color", "style_size")
"""The options of `stylezoo.runtime.options.StylizeOptions` that textures take."""


@dataclass(frozen=True)
class Facts:
    """Facts about a stylized model.

    Attributes:
        output, model: the file and the net.
        textures: (name, width, height, share of it that the model shows) of each.
        files: the files that were written.
        seconds: time taken.
    """

    output: str
    model: str
    textures: tuple[tuple[str, int, int, float], ...]
    files: tuple[str, ...]
    seconds: float


def stylize_mesh(
    source: PathLike,
    target: PathLike,
    model: PathLike | Stylizer = "cin/16",
    style: StyleLike = None,
    *,
    quality: int = 92,
    overwrite: bool = False,
    progress: bool = False,
    **options: Any,
) -> Facts:
    """Stylize the base colour of a 3D model; geometry, other maps, animations and alpha stay as they are.

    A texture that repeats (the default of samplers) is stylized so that it tiles as before, see `tileable` of
    `StylizeOptions`. What the model does not show of a texture is filled with the colours around it, before, since
    black gaps would darken or brighten all the rest, and after, so that none shows at the edges of islands.

    Args:
        source: a .glb, .gltf or .obj file. Its images are embedded or lie next to it.
        target: a file of the same kind. Images and buffers of .gltf and .obj are written next to it; those that change
            have names that begin with its own.
        model: a name for `load`, or a `Stylizer`.
        style: see `Stylizer.encode_style`.
        quality: of textures in JPEG or WebP, 1 to 100; each keeps its format.
        overwrite: replace existing files, but never inputs.
        progress: show a progress bar on stderr.
        options: strength, stroke, palette, preserve_color and style_size of `StylizeOptions`, the same for all
            textures.

    Raises:
        MeshError: the model cannot be read, has no texture, or has some in a form that cannot be changed.
        StyleError, OptionError: an argument is invalid.
    """
    began = time.monotonic()
    source, target = Path(source), Path(target)
    if unknown := sorted(options.keys() - set(OPTIONS)):
        raise OptionError(f"textures do not take {', '.join(unknown)}: they take {', '.join(OPTIONS)}")
    chosen = StylizeOptions(**options)
    check_quality(quality)
    opened = open_model(source, target)
    _check_written(opened, target, overwrite)
    stylizer = model if isinstance(model, Stylizer) else load(model)
    code = stylizer.encode_style(style, style_size=chosen.style_size)
    bar = tqdm(opened.textures, unit="texture", disable=not shows(progress), leave=False, dynamic_ncols=True)
    done = [_stylize(texture, stylizer, code, chosen, quality) for texture in bar]
    files = opened.files(target, [data for data, _ in done])
    try:
        for path, data in files.items():
            with replacing(path) as temporary:
                temporary.write_bytes(data)
    except OSError as cause:
        raise MeshError(f"cannot write {shown(target)}: {cause.strerror or cause}; write it elsewhere") from cause
    textures = tuple(facts for _, facts in done)
    written = tuple(map(str, files))
    return Facts(str(target), stylizer.spec.name, textures, written, round(time.monotonic() - began, 3))


def open_model(source: Path, target: Path) -> Model:
    """Return the model in `source`; raise OptionError if `target` is of another kind."""
    kind = source.suffix.lower()
    if kind not in KINDS:
        raise MeshError(f"{shown(source)} is not a 3D model that can be read: export it as .glb, .gltf or .obj")
    if target.suffix.lower() != kind:
        raise OptionError(f"'{target}' must end in {kind}, as the input does: models are not converted")
    return KINDS[kind](source)


def _check_written(model: Model, target: Path, overwrite: bool) -> None:
    """Raise OptionError if a file would be written that is an input, or exists and is not to be replaced."""
    inputs = {path.resolve() for path in model.inputs}
    for path in model.files(target, [texture.data for texture in model.textures]):
        if path.resolve() in inputs:
            raise OptionError(f"'{path}' is an input and is never overwritten: choose another --output")
        if path.is_dir():
            raise OptionError(f"'{path}' is a folder: name a file with --output")
        if path.exists() and not overwrite:
            raise OptionError(f"'{path}' exists: pass --force to overwrite it, or choose another --output")


def _stylize(
    texture: Texture, stylizer: Stylizer, code: StyleCode, options: StylizeOptions, quality: int
) -> tuple[bytes, tuple[str, int, int, float]]:
    """Return the stylized image file, and its row of `Facts.textures`."""
    pixels, kind = decode(texture)
    colours = np.divide(pixels[..., :3], 255, dtype=np.float32)
    repeats = tuple(how == "repeat" for how in texture.wrap)
    wrap = repeats[0], repeats[1]
    covered = coverage(texture.triangles, pixels.shape[:2], texture.wrap)
    if texture.cut_out and pixels.shape[2] == 4 and (seen := covered & (pixels[..., 3] > 0)).any():
        covered = seen
    how: Mapping[str, Any] = {name: getattr(options, name) for name in OPTIONS}
    filled = fill(colours, within(covered, wrap), wrap)
    stylized = stylizer.stylize(filled, code, tileable=any(wrap), **how)
    result = np.floor(fill(stylized, covered, wrap) * 255 + 0.5).astype(np.uint8)
    result = np.concatenate([result, pixels[..., 3:]], axis=2)
    height, width = covered.shape
    try:
        data = encode(result, kind, quality)
    except ImageError as cause:
        raise MeshError(f"{texture.name}: {cause}") from cause
    return data, (texture.name, width, height, round(float(covered.mean()), 3))


def decode(texture: Texture) -> tuple[NDArray[np.uint8], str]:
    """Return the texels of a texture, (H, W, 3 or 4), and Pillow's name of its format.

    As renderers do, this leaves out what a file says about its orientation and colours.

    Raises:
        MeshError: the image is damaged or of an unknown kind.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(texture.data)) as image:
                kind = image.format or "PNG"
                alpha = image.has_transparency_data
                return np.asarray(image.convert("RGBA" if alpha else "RGB")), kind
    except Exception as cause:  # Pillow's plugins raise nearly any error
        if texture.data[:12] == b"\xabKTX 20\xbb\r\n\x1a\n":
            raise MeshError(f"{texture.name} is in KTX2 (Basis): convert it to PNG, JPEG or WebP first") from cause
        raise MeshError(f"{texture.name} is not an image that can be read, or is damaged: export it again") from cause

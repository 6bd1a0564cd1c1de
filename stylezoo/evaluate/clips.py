"""Synthetic clips of known motion, made from photos, to measure the temporal stability of stylized clips.

| kind     | what moves, at 384 px; at other sizes in proportion                                 |
| -------- | ----------------------------------------------------------------------------------- |
| pan      | the camera, by whole px: 3 and 1 per frame                                          |
| drift    | the camera, by 1.5 px per frame in any direction                                    |
| zoom     | the camera, in or out by 1.2 % per frame                                            |
| rotation | the camera, by half a degree per frame                                              |
| cut-out  | a piece of another photo, by 2.5 px per frame, in front of a still photo            |
| parallax | such a piece, also rotating by half a degree, and the photo behind it the other way |
| noise    | nothing: each frame has new sensor noise with a deviation of 4 of 255 levels        |
| flicker  | nothing: bands 3 % lighter and darker are at another place in each frame            |
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylezoo.errors import DataError, OptionError
from stylezoo.evaluate.motion import Layer, Scene, affine
from stylezoo.images.io import read
from stylezoo.images.resize import resize

KINDS = ("pan", "drift", "zoom", "rotation", "cut-out", "parallax", "noise", "flicker")
SIZE = 384  # px, at which speeds are those of the table
NOISE = 4 / 255  # standard deviation
FLICKER = 0.03
BANDS = 1.5  # from top to bottom, as lamps on the mains make them in what a rolling shutter takes
RADIUS = 0.3  # of a cut-out, in the mean, as a share of the frame's height
LOBES = 4
MARGIN = 2  # px around what the camera sees: interpolation takes them


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip.

    Attributes:
        kind: one of `KINDS`.
        scene: the moving pictures and the camera.
        length: the number of frames.
        seed: seed of the noise and the flicker.
        photos: the file names of its photos.
    """

    kind: str
    scene: Scene
    length: int
    seed: tuple[int, ...]
    photos: tuple[str, ...]

    @cached_property
    def frames(self) -> list[Image.Image]:
        """The frames, 8-bit RGB."""
        return [self._frame(t) for t in range(self.length)]

    def _frame(self, t: int) -> Image.Image:
        image = self.scene.render(t).numpy()
        rng = np.random.default_rng([*self.seed, t])
        if self.kind == "noise":
            image = image + rng.normal(0, NOISE, image.shape)
        if self.kind == "flicker":
            down = 2 * math.pi * (np.arange(self.scene.height) / self.scene.height * BANDS + rng.uniform())
            image = image * (1 + FLICKER * np.sin(down))[:, None]
        return Image.fromarray((image.clip(0, 1) * 255).round().astype(np.uint8).transpose(1, 2, 0))


def make_clips(
    photos: Sequence[Path], count: int = len(KINDS), *, size: int = SIZE, length: int = 12, seed: int = 0
) -> list[Clip]:
    """Return clips of each kind in turn, made from the largest photos; the same arguments give the same clips.

    Args:
        photos: paths; if there are few, several clips share one.
        count: number of clips.
        size: width of the frames in px; they are 4:3.
        length: frames per clip.
        seed: seed of the directions, the outlines of cut-outs and the noise.

    Raises:
        DataError: there is no photo.
        OptionError: a clip has fewer than two frames.
    """
    if length < 2:
        raise OptionError(f"a clip must have at least 2 frames, not {length}")
    if not photos:
        raise DataError("clips are made from photos, but there are none")
    best = sorted(photos, key=lambda path: (-_room(path), path.name))[: 2 * count]
    height = round(size * 3 / 4)
    clips = []
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        rng = np.random.default_rng([seed, number])
        photo, other = best[number % len(best)], best[(number + count) % len(best)]
        scene = make_scene(kind, photo, other, height, size, length, rng)
        clips.append(Clip(kind, scene, length, (seed, number), (photo.name, other.name)[: len(scene.layers)]))
    return clips


def clips_digest(clips: Sequence[Clip]) -> str:
    """Return eight hexadecimal digits that identify a set of clips: only figures of the same clips are comparable.

    Photos are identified by file name.
    """
    facts = [(clip.kind, clip.length, clip.scene.width, clip.scene.height, clip.seed, clip.photos) for clip in clips]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:8]


def make_scene(
    kind: str, photo: Path, other: Path, height: int, width: int, length: int, rng: np.random.Generator
) -> Scene:
    """Return the scene of a clip; `other` is the photo that cut-outs are taken from."""
    unit = width / SIZE
    direction = rng.uniform(0, 2 * math.pi)
    way = np.array([math.cos(direction), math.sin(direction)])
    sign = rng.choice([-1, 1])
    step, turn, grow = np.zeros(2), 0.0, 1.0
    if kind == "pan":
        whole = np.maximum(1, np.round(np.array([3, 1]) * unit))
        step = whole * rng.choice([-1, 1], 2)
    elif kind == "drift":
        step = 1.5 * unit * way
    elif kind == "zoom":
        grow = 1.012**sign
    elif kind == "rotation":
        turn = math.radians(0.5) * sign
    elif kind == "parallax":
        step = 1.5 * unit * way
    path = camera(height, width, length, step, turn, grow)
    layers = [background(photo, path, height, width)]
    if kind in ("cut-out", "parallax"):
        turn = math.radians(0.5) * sign if kind == "parallax" else 0.0
        path = camera(height, width, length, -2.5 * unit * way if kind == "cut-out" else 2.0 * unit * way, turn, 1.0)
        layers.append(cut_out(other, path, RADIUS * height, rng))
    return Scene(tuple(layers), height, width)


def camera(height: int, width: int, length: int, step: np.ndarray, turn: float, grow: float) -> Tensor:
    """Return the affine maps from a camera's frames to the scene, (T, 3, 3).

    The scene's (0, 0) is at the centre of the middle frame.

    Args:
        step: movement per frame in px of the scene, (x, y).
        turn: rotation per frame in radians.
        grow: factor per frame by which the visible part of the scene grows. It is never smaller than a frame, so
            that no photo is enlarged.
    """
    centre = affine(shift=(-(width - 1) / 2, -(height - 1) / 2))
    maps = []
    for t in range(length):
        ahead = t - (length - 1) // 2  # whole, so that whole steps stay so
        scale = grow**t if grow < 1 else grow ** (t - length + 1)
        maps.append(affine(turn * ahead, scale, (float(step[0]) * ahead, float(step[1]) * ahead)) @ centre)
    return torch.stack(maps)


def corners(height: int, width: int) -> Tensor:
    """Return the corners of a frame, (4, 2)."""
    right, low = width - 1.0, height - 1.0
    return torch.tensor([[0.0, 0.0], [right, 0.0], [0.0, low], [right, low]], dtype=torch.float64)


def background(photo: Path, path: Tensor, height: int, width: int) -> Layer:
    """Return a photo that covers everything that the camera sees."""
    seen = torch.cat([corners(height, width) @ map[:2, :2].mT + map[:2, 2] for map in path])
    return lay(photo, path, seen.amin(0), seen.amax(0))


def cut_out(photo: Path, path: Tensor, radius: float, rng: np.random.Generator) -> Layer:
    """Return a piece of a photo with a smooth random outline around the scene's (0, 0)."""
    lobes = list(zip(rng.uniform(0.05, 0.12, LOBES), rng.uniform(0, 2 * math.pi, LOBES), strict=True))
    reach = torch.full((2,), radius * (1 + sum(float(a) for a, _ in lobes)), dtype=torch.float64)
    first = -reach - MARGIN

    def outline(where: Tensor) -> Tensor:
        x, y = (where + first).unbind(-1)
        around = torch.atan2(y, x)
        edge = sum(float(a) * torch.cos(k * around + float(p)) for k, (a, p) in enumerate(lobes, start=2))
        return radius * (1 + edge) - torch.hypot(x, y)

    return lay(photo, path, -reach, reach, outline)


def lay(
    photo: Path, path: Tensor, first: Tensor, last: Tensor, outline: Callable[[Tensor], Tensor] | None = None
) -> Layer:
    """Return the centre of a photo, scaled to cover the scene from `first` to `last`, (x, y) each."""
    first = first - MARGIN
    width, height = ((last + MARGIN - first).ceil().int() + 1).tolist()
    pixels = read(photo).pixels
    scale = max(height / pixels.shape[-2], width / pixels.shape[-1])
    size = (max(height, round(pixels.shape[-2] * scale)), max(width, round(pixels.shape[-1] * scale)))
    pixels = resize(pixels, size)
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    picture = pixels[0, :, top : top + height, left : left + width].double()
    return Layer(picture, affine(shift=(-float(first[0]), -float(first[1]))) @ path, outline)


def _room(photo: Path) -> float:
    """Return the width in px of the largest 4:3 frame in a photo; 0 if Pillow cannot open it, so that it comes last."""
    try:
        with Image.open(photo) as image:
            return min(image.width, image.height * 4 / 3)
    except OSError:
        return 0.0

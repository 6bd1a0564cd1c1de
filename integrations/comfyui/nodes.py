"""The nodes. ComfyUI's IMAGE is a float32 tensor (B, H, W, 3) in [0, 1], its MASK (B, H, W) in [0, 1].

Two types are our own: STYLE_NET, a `stylezoo.Stylizer`, and STYLE, the embedding of a style by that model.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import stylezoo
from stylezoo import Stylizer

Inputs = dict[str, dict[str, Any]]

KEEP_SIZE = 0  # of `size`: the result is as large as the image
AUTO_STROKE = 0.0  # of `stroke`: as large as the model makes them
COLOURS = {"of the style": False, "of the photo (luma)": "luma", "of the photo (palette)": "stats"}


class Node:
    """What ComfyUI needs to know of a node."""

    CATEGORY = "stylezoo"
    FUNCTION = "run"
    RETURN_TYPES: ClassVar[tuple[str, ...]] = ("IMAGE",)


class LoadStyleNet(Node):
    """Load a model of the zoo. The bundled ones need no download."""

    RETURN_TYPES = ("STYLE_NET",)

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802 - ComfyUI's name
        names = stylezoo.list_models()
        return {"required": {"name": (names, {"default": "cin/16"}), "device": (["auto", "cpu"],)}}

    def run(self, name: str, device: str = "auto") -> tuple[Stylizer]:
        return (stylezoo.load(name, device=device),)


class NamedStyle(Node):
    """Choose a style by name; the model must have it."""

    RETURN_TYPES = ("STYLE",)

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802
        names = dict.fromkeys(id for name in stylezoo.list_models() for id in stylezoo.model_info(name).style_ids)
        return {"required": {"net": ("STYLE_NET",), "style": (list(names),)}}

    def run(self, net: Stylizer, style: str) -> tuple[Any]:
        return (net.encode_style(style),)


class StyleFromImage(Node):
    """Take the style of an image, for arbitrary-style models such as ghiasi/lite-large; of several, their mean."""

    RETURN_TYPES = ("STYLE",)

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802
        size = ("INT", {"default": 512, "min": 16, "max": 4096, "tooltip": "larger gives coarser strokes"})
        return {"required": {"net": ("STYLE_NET",), "image": ("IMAGE",), "style_size": size}}

    def run(self, net: Stylizer, image: Tensor, style_size: int = 512) -> tuple[Any]:
        if net.kind != "arbitrary":
            raise ValueError(f"{net.spec.name} knows only its own styles: load ghiasi/lite-large, or use Named style")
        return (net.encode_style(list(arrays(image)), style_size=style_size),)


class BlendStyles(Node):
    """Blend two styles of one model; weights below 0 and above 1 exaggerate."""

    RETURN_TYPES = ("STYLE",)

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802
        weight = ("FLOAT", {"default": 0.5, "min": -1.0, "max": 2.0, "step": 0.05, "tooltip": "0: only a, 1: only b"})
        return {"required": {"a": ("STYLE",), "b": ("STYLE",), "weight": weight}}

    def run(self, a: Any, b: Any, weight: float) -> tuple[Any]:
        if a.values.shape != b.values.shape:
            raise ValueError("styles of different models cannot be blended: take both from the same model")
        return (a.lerp(b, weight),)


class StyleFromCard(Node):
    """Add the style of a card (a file of `stylezoo add-style`) to the model that it fits."""

    RETURN_TYPES = ("STYLE_NET", "STYLE")

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802
        path = ("STRING", {"default": "", "placeholder": "mine.card.safetensors"})
        return {"required": {"net": ("STYLE_NET",), "card": path}}

    def run(self, net: Stylizer, card: str) -> tuple[Stylizer, Any]:
        extended = copy.deepcopy(net)  # other nodes share the model
        extended.add_card(card)
        return extended, extended.encode_style(extended.styles[-1])


class Stylize(Node):
    """Stylize every image of a batch by itself."""

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802
        return {
            "required": {"net": ("STYLE_NET",), "image": ("IMAGE",), **strengths()},
            "optional": {"style": ("STYLE",), "mask": ("MASK",)},
        }

    def run(
        self, net: Stylizer, image: Tensor, *, style: Any = None, mask: Tensor | None = None, **how: Any
    ) -> tuple[Tensor]:
        photos, masks = list(arrays(image)), masks_for(image, mask)
        advance = progress(len(photos))
        results = []
        for photo, where in zip(photos, masks, strict=True):
            results.append(net.stylize(photo, style, mask=where, **options(how)))
            advance()
        return (batch(results),)


class VideoFrames(Node):
    """Stylize the frames of a video, in order, with steady colours; best with a -video model."""

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802
        steady = ("FLOAT", {"default": 0.8, "min": 0.0, "max": 0.99, "step": 0.01, "tooltip": "0: off"})
        return {
            "required": {"net": ("STYLE_NET",), "frames": ("IMAGE",), "steady": steady, **strengths()},
            "optional": {"style": ("STYLE",)},
        }

    def run(
        self, net: Stylizer, frames: Tensor, steady: float = 0.8, *, style: Any = None, **how: Any
    ) -> tuple[Tensor]:
        advance = progress(len(frames))
        results = []
        for result in net.stylize_frames(arrays(frames), style, steady=steady, **options(how)):
            results.append(result)
            advance()
        return (batch(results),)


class ShowStyleCard(Node):
    """Show what a model is: its styles, license, origin and training data."""

    RETURN_TYPES = ("STRING",)

    @classmethod
    def INPUT_TYPES(cls) -> Inputs:  # noqa: N802
        return {"required": {"net": ("STYLE_NET",)}}

    def run(self, net: Stylizer) -> tuple[str]:
        from stylezoo.cli.info import model_lines

        return ("\n".join(model_lines(net.spec.name, net.spec)),)


NODES: dict[str, tuple[type[Node], str]] = {
    "StylezooLoad": (LoadStyleNet, "Load style net"),
    "StylezooNamedStyle": (NamedStyle, "Named style"),
    "StylezooStyleFromImage": (StyleFromImage, "Style from image"),
    "StylezooStyleFromCard": (StyleFromCard, "Style from card"),
    "StylezooBlend": (BlendStyles, "Blend styles"),
    "StylezooStylize": (Stylize, "Stylize"),
    "StylezooVideo": (VideoFrames, "Video frames (steady)"),
    "StylezooInfo": (ShowStyleCard, "Style net info"),
}
NODE_CLASS_MAPPINGS = {key: node for key, (node, _) in NODES.items()}
NODE_DISPLAY_NAME_MAPPINGS = {key: title for key, (_, title) in NODES.items()}


def strengths() -> dict[str, Any]:
    """Return the inputs that say how to stylize."""
    stroke = {"default": AUTO_STROKE, "max": 16.0, "step": 0.05, "tooltip": "0: automatic; 2: twice as coarse"}
    size = {"default": KEEP_SIZE, "max": 16384, "tooltip": "long side in px; 0: that of the image"}
    return {
        "strength": ("FLOAT", {"default": 1.0, "min": 0.0, "max": 3.0, "step": 0.05}),
        "stroke": ("FLOAT", {"min": 0.0, **stroke}),
        "size": ("INT", {"min": 0, **size}),
        "colours": (list(COLOURS),),
    }


def options(how: dict[str, Any]) -> dict[str, Any]:
    """Return the options of `Stylizer.stylize` for the inputs of `strengths`."""
    chosen: dict[str, Any] = {"strength": how.get("strength", 1.0)}
    if stroke := how.get("stroke"):
        chosen["stroke"] = stroke
    if size := how.get("size"):
        chosen["size"] = size
    if colours := COLOURS[how.get("colours", "of the style")]:
        chosen["preserve_color"] = colours
    return chosen


def arrays(image: Tensor) -> Iterator[np.ndarray]:
    """Yield the images of a batch as float32 arrays, (H, W, 3) in [0, 1]."""
    for item in image:
        yield item[..., :3].float().clamp(0, 1).cpu().numpy()


def batch(results: Sequence[np.ndarray]) -> Tensor:
    """Return images of one size as a batch, (B, H, W, 3)."""
    return torch.from_numpy(np.stack(results)).float()


def masks_for(image: Tensor, mask: Tensor | None) -> list[np.ndarray | None]:
    """Return a mask of each image's size, (H, W) in [0, 1]; a single mask serves all images.

    Raises:
        ValueError: there are neither one mask nor as many as images.
    """
    count, height, width = image.shape[:3]
    if mask is None:
        return [None] * count
    mask = mask[None] if mask.ndim == 2 else mask
    if len(mask) not in (1, count):
        raise ValueError(f"{count} images need 1 mask or {count} masks, not {len(mask)}")
    scaled = functional.interpolate(mask[:, None].float(), size=(height, width), mode="bilinear", antialias=True)
    fitted = scaled[:, 0].clamp(0, 1).cpu().numpy()
    return [fitted[min(i, len(fitted) - 1)] for i in range(count)]


def progress(total: int) -> Callable[[], None]:
    """Return what moves ComfyUI's progress bar by one; outside of ComfyUI there is none."""
    try:
        from comfy.utils import ProgressBar
    except ImportError:
        return lambda: None
    bar = ProgressBar(total)
    return lambda: bar.update(1)

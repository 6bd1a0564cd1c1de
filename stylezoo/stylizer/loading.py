"""`load` and `stylize`. Torch is imported only when needed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, overload

from PIL import Image

from stylezoo.stylizer.engine import Backend
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.types import PathLike, StyleLike
from stylezoo.zoo.store import find, locate

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor


def load(
    name: PathLike,
    *,
    device: str | torch.device = "auto",
    dtype: torch.dtype | str | None = None,
    revision: str | None = None,
    cache_dir: PathLike | None = None,
    offline: bool | None = None,
    backend: Backend = "auto",
) -> Stylizer:
    """Load a model.

    Args:
        name: a name from `stylezoo list`, 'hf:owner/zoo/family/style' for a model on the Hugging Face Hub (with
            '@revision': 'hf:owner/zoo@v1/family/style'), a run folder, or a .safetensors file.
        device: "auto" uses a GPU if torch supports one.
        dtype: dtype of the computation; None is float32, also for weights stored in float16.
        revision, cache_dir, offline: for models on the Hub: a branch, tag or commit; the cache folder (None: from
            HF_HOME); True: use only the cache.
        backend: "auto": onnxruntime on a CPU in float32, torch for everything else: GPUs, other dtypes, tiles, and
            models that optimise each picture. "onnx": the same, but an error if onnxruntime cannot run the model.
            "torch": torch only. The results differ by less than 1/255.

    Raises:
        OptionError: the backend, device or dtype is not available, or torch is needed but not installed.
        ModelNotFoundError: no model has this name; the message has the nearest names.
        WeightsError: the weights are missing, damaged or not those of the registry.
        HubError: the Hub cannot be reached, or refuses the request.
    """
    spec, path = find(name, revision=revision, cache_dir=cache_dir, offline=offline)
    revision = None if str(name).startswith("hf:") else revision  # the record already has one
    if not spec.weightless:
        path = path or locate(spec, revision=revision, cache_dir=cache_dir, offline=offline)
    return Stylizer(spec, path, device=device, dtype=dtype, backend=backend)


@overload
def stylize(
    image: PathLike | Image.Image, model: PathLike = ..., style: StyleLike = ..., **options: Any
) -> Image.Image: ...
@overload
def stylize(image: bytes, model: PathLike = ..., style: StyleLike = ..., **options: Any) -> bytes: ...
@overload
def stylize(image: NDArray[Any], model: PathLike = ..., style: StyleLike = ..., **options: Any) -> NDArray[Any]: ...
@overload
def stylize(image: Tensor, model: PathLike = ..., style: StyleLike = ..., **options: Any) -> Tensor: ...
def stylize(image: Any, model: PathLike = "johnson/mosaic", style: StyleLike = None, **options: Any) -> Any:
    """Stylize one picture: like `load(model).stylize(image, style, **options)`, but the model stays loaded."""
    path = find(model)[1]
    state = path.stat() if path else None  # a resumed run rewrites its weights
    key = None
    if path is not None and state is not None:
        key = str(path.resolve()), state.st_ino, state.st_ctime_ns, state.st_size
    return _kept(str(model), key).stylize(image, style, **options)


@lru_cache(maxsize=2)
def _kept(model: str, file: tuple[str, int, int, int] | None) -> Stylizer:
    return load(model)

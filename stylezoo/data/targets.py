"""Files of style targets: what a loss keeps of style images, in place of the images.

A file holds, for each style, the tensors of `PerceptualLoss.style_targets`: of Gram matrices the upper half as an 8-bit
table (see `stylezoo.runtime.tables`), quantiles in float16, means and deviations in float32. The header says which
picture they were measured on, by which backbone, at which sizes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from torch import Tensor

from stylezoo._files import replacing
from stylezoo._records import Record
from stylezoo.data.folder import data_folder
from stylezoo.errors import DataError, WeightsError
from stylezoo.runtime.tables import pack, unpack

FOLDER = "targets"
"""The folder of these files in the data folder, and among the files that travel with the package."""

BUNDLED = Path(__file__).resolve().parents[1] / "bundled" / FOLDER
HEADER = "stylezoo_targets"


class TargetSpec(Record, frozen=True):
    """Which style image the targets of a file were measured on, and how.

    Attributes:
        style: the id of the style.
        image: the file name of the picture.
        sha256: of that file.
        phash: the perceptual hash of the whole picture, see `stylezoo.images.phash`.
        sizes: long sides in px at which it was measured.
        crop: (left, top, right, bottom) as fractions of the picture.
        whole_colors: whether the crop was brought to the colours of the whole picture.
        backbone: what looked at it, such as "vgg19:caffe".
        terms: what was measured: "gram.relu1_1", "moments.relu1_1", "sliced.relu3_1", "palette.lab" and so on.
    """

    style: str
    image: str
    sha256: str
    phash: str
    sizes: tuple[int, ...]
    backbone: str
    terms: tuple[str, ...]
    crop: tuple[float, float, float, float] | None = None
    whole_colors: bool = False

    @property
    def key(self) -> str:
        """What the names of its tensors begin with: the style, and how it is measured as eight digits."""
        part = f"{self.crop} of whole colours" if self.whole_colors else f"{self.crop}"
        described = f"{self.image} {self.sizes} {part} {self.backbone}"
        return f"{self.style}-{hashlib.sha256(described.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class StyleTargets:
    """A style's targets in a file."""

    path: Path
    spec: TargetSpec

    def read(self) -> dict[str, Tensor]:
        """Return the targets, (1, ...) float32 each, by term and part, such as "gram.relu1_1.target".

        Raises:
            DataError: the file is damaged.
        """
        found = {}
        try:
            with safe_open(self.path, framework="numpy") as file:
                for name in file.keys():  # noqa: SIM118 (not a mapping)
                    key, _, part = name.partition("/")
                    if key == self.spec.key:
                        found[part] = file.get_tensor(name)
            whole = unpack(found, str(self.path))
        except (OSError, SafetensorError, TypeError, WeightsError) as cause:  # TypeError: bfloat16
            raise _damaged(self.path, cause) from cause
        return {part: torch.from_numpy(_unfolded(part, value)) for part, value in whole.items()}


def write_targets(path: Path, styles: Iterable[tuple[TargetSpec, Mapping[str, Tensor]]]) -> None:
    """Write the targets of styles, (1, ...) each, as one file."""
    specs: list[TargetSpec] = []
    tensors: dict[str, NDArray[np.generic]] = {}
    for spec, targets in styles:
        specs.append(spec)
        for part, value in targets.items():
            name, kept = f"{spec.key}/{part}", _folded(part, value.float().numpy())
            tensors |= pack(name, kept) if part.startswith("gram.") else {name: kept}
    with replacing(path) as temporary:
        save_file(tensors, temporary, {HEADER: msgspec.json.encode(specs).decode()})


def list_targets(path: Path) -> list[StyleTargets]:
    """Return the styles of a file.

    Raises:
        DataError: it is not such a file, or damaged.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            header = (file.metadata() or {}).get(HEADER, "")
        return [StyleTargets(path, spec) for spec in msgspec.json.decode(header, type=list[TargetSpec])]
    except (OSError, SafetensorError, msgspec.MsgspecError) as cause:
        raise _damaged(path, cause) from cause


def known_targets() -> list[StyleTargets]:
    """Return the styles of all files in the data folder's targets/, then of those that travel with the package."""
    data = data_folder()
    folders = ([data / FOLDER] if data else []) + [BUNDLED]
    files = [path for folder in folders for path in sorted(folder.glob("*.safetensors"))]
    return [style for path in files for style in list_targets(path)]


def find_targets(
    image: str,
    sizes: Sequence[int],
    crop: tuple[float, ...] | None,
    whole_colors: bool,
    backbone: str,
    terms: Iterable[str],
) -> StyleTargets:
    """Return the targets that stand in for the style picture `image`, a file name, as a recipe wants it measured.

    Raises:
        DataError: there are none, or none of those sizes, that crop, those colours, that backbone or with all these
            terms; says which.
    """
    wanted, reasons = set(terms), []
    for found in known_targets():
        spec = found.spec
        if spec.image != Path(image).name:
            continue
        if tuple(spec.sizes) != tuple(sizes):
            reasons.append(f"are for {_px(spec.sizes)}, not {_px(sizes)}")
        elif spec.crop != (tuple(crop) if crop else None):
            reasons.append(f"are for the crop {spec.crop and list(spec.crop)}, not {crop and list(crop)}")
        elif spec.whole_colors != whole_colors:
            reasons.append(f"have whole_colors {spec.whole_colors}, not {whole_colors}")
        elif spec.backbone != backbone:
            reasons.append(f"are of the backbone {spec.backbone}, not {backbone}")
        elif missing := sorted(wanted - set(spec.terms)):
            reasons.append(f"lack {', '.join(missing)}")
        else:
            return found
    raise DataError(f"its targets {reasons[0]}" if reasons else "there are no targets of it")


def _px(sizes: Sequence[int]) -> str:
    return f"{' and '.join(map(str, sizes))} px"


def _folded(part: str, value: NDArray[np.float32]) -> NDArray[np.generic]:
    """Return a target, (1, ...): of a Gram matrix, which is symmetric, the upper half; quantiles in half precision."""
    if part.startswith("gram."):
        return value[0][np.triu_indices(value.shape[1])]
    if part.endswith(".quantiles") and np.abs(value).max() < np.finfo(np.float16).max:
        return value.astype(np.float16)
    return np.ascontiguousarray(value)


def _unfolded(part: str, value: NDArray[np.generic]) -> NDArray[np.float32]:
    if not part.startswith("gram."):
        return value.astype(np.float32)
    side = int((8 * value.size + 1) ** 0.5) // 2  # side * (side + 1) / 2 numbers
    gram = np.zeros((1, side, side), dtype=np.float32)
    rows, columns = np.triu_indices(side)
    gram[0, rows, columns] = gram[0, columns, rows] = value
    return gram


def _damaged(path: Path, cause: Exception) -> DataError:
    return DataError(f"{path} is not a file of style targets ({cause}): measure them again with stylezoo data targets")

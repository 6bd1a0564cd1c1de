"""A net's weights as arrays, with the rows, codes and hashes of its family. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from stylezoo.errors import OptionError, StyleError, WeightsError
from stylezoo.runtime.base import Floats
from stylezoo.runtime.layout import Layout, layout_of
from stylezoo.runtime.tables import unpack
from stylezoo.types import PathLike


@dataclass(frozen=True, eq=False)
class Weights:
    """The weights of a net.

    Attributes:
        family, arch: the net they belong to.
        tensors: name -> array, in the dtype of the file.
        file: the file they were read from, for messages.
    """

    family: str
    arch: Mapping[str, Any]
    tensors: Mapping[str, NDArray[Any]] = field(repr=False)
    file: str = "the state dict"

    @property
    def layout(self) -> Layout:
        return layout_of(self.family)

    @classmethod
    def read(cls, path: PathLike, family: str, arch: Mapping[str, Any]) -> Self:
        """Read a .safetensors file, see `stylezoo.runtime.tables` for large kernels.

        Raises:
            WeightsError: the file cannot be read, names or shapes do not match, or a value is NaN or infinite.
        """
        tensors = {}
        try:
            with safe_open(path, framework="numpy") as file:
                for name in file.keys():  # noqa: SIM118 - not a mapping
                    tensors[name] = file.get_tensor(name)
        except (OSError, SafetensorError, TypeError) as cause:  # TypeError: bfloat16, which numpy does not have
            raise WeightsError(f"cannot read {Path(path)} as safetensors: {cause}") from cause
        weights = cls(family, dict(arch), unpack(tensors, str(path)), str(path))
        weights.check()
        return weights

    def check(self) -> None:
        """Raise WeightsError if names or shapes do not match the family, or a value is not finite."""
        found = {name: value.shape for name, value in self.tensors.items()}
        try:
            shapes = self.layout.shapes(self.arch)
        except (OptionError, TypeError, ValueError) as cause:
            raise WeightsError(f"{self.file} is not a valid {self.family} model: {cause}") from cause
        if problems := misfits(found, found if shapes is None else shapes):
            arch = ", ".join(f"{key}={value}" for key, value in self.arch.items())
            raise WeightsError(f"{self.file} does not fit {self.family}({arch}): {problems}")
        for name, value in self.tensors.items():
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                raise WeightsError(f"{self.file}: '{name}' has NaN or infinity: train or download the model again")

    @cached_property
    def floats(self) -> dict[str, Floats]:
        """The tensors in float32."""
        return {name: np.asarray(value, dtype=np.float32) for name, value in self.tensors.items()}

    @property
    def learns_photo(self) -> bool:
        """Whether the last row reconstructs the photo."""
        return self.layout.learns_photo(self.arch)

    @property
    def rows(self) -> Floats:
        """The affine vectors of the styles, (S, A); the photo's, if any, is last."""
        return np.asarray(self.tensors[self.layout.rows], dtype=np.float32)

    def named_code(self, style: int) -> Floats:
        """Return the code, (1, D), of the style with this index; -1 is the photo, if there is one."""
        rows = self.rows
        known = len(rows) - self.learns_photo
        if not known and style >= 0:
            raise StyleError(f"a {self.family} net has no named styles: give a style image")
        if not self.layout.mixes:
            return rows[style, None]
        code = np.zeros((1, len(rows)), dtype=np.float32)
        code[0, style] = 1
        return code

    def with_row(self, row: Floats) -> Weights:
        """Return these weights with one style, (1, A), appended."""
        former = self.tensors[self.layout.rows]
        count = len(former) - self.learns_photo
        rows = np.concatenate([former[:count].astype(np.float32), row, former[count:].astype(np.float32)])
        tensors = {**self.tensors, self.layout.rows: rows}
        return Weights(self.family, {**self.arch, "styles": count + 1}, tensors, self.file)

    @cached_property
    def trunk_hash(self) -> str:
        """The SHA-256 of the weights that all styles share: nets with the same hash can exchange rows."""
        return self.layout.trunk_hash(self.arch, self.tensors)


def misfits(found: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]) -> str:
    """Return the first three differences between found and wanted names and shapes; '' if there are none."""
    problems = [f"'{name}' is missing" for name in wanted.keys() - found.keys()]
    problems += [f"'{name}' is unknown" for name in found.keys() - wanted.keys()]
    problems += [
        f"'{name}' has shape {tuple(found[name])} in place of {tuple(wanted[name])}"
        for name in wanted.keys() & found.keys()
        if tuple(found[name]) != tuple(wanted[name])
    ]
    more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
    return f"{'; '.join(sorted(problems)[:3])}{more}"

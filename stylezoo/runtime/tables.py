"""Large tensors as 8-bit tables: 256 values, and for every number of the tensor the index of the nearest.

The values are found by k-means, as in "Deep Compression" (Han et al. 2016, arXiv:1510.00149). A file holds the tensor
NAME as NAME.codes, uint8 in its shape, and NAME.table, (256,), in its dtype.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stylezoo.errors import WeightsError

CODES, TABLE = ".codes", ".table"
LEVELS = 256
LEAST = 2**16
"""Numbers in the smallest kernel that `pack_kernels` packs: those of small nets stay as they are."""
ROUNDS = 100


def pack(name: str, values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return a tensor of floats, by name, as its codes and its table. Up to 256 different values are kept exactly."""
    table = _levels(values.astype(np.float64).ravel()).astype(values.dtype)
    middle = (table[1:].astype(np.float64) + table[:-1]) / 2
    codes = np.searchsorted(middle, values).astype(np.uint8)
    return {name + CODES: codes, name + TABLE: table}


def pack_kernels(tensors: Mapping[str, NDArray[Any]], parts: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Return the weights of a net, with its large kernels packed.

    Those are of convolutions with `LEAST` numbers or more, in the parts of the net that `parts` are prefixes of.
    """
    packed: dict[str, NDArray[Any]] = {}
    for name, value in tensors.items():
        large = name.startswith(parts) and value.ndim == 4 and value.size >= LEAST
        packed |= pack(name, value) if large else {name: value}
    return packed


def unpack(tensors: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the tensors of a file, numpy's or torch's, with those that `pack` made replaced by what was packed.

    Raises:
        WeightsError: codes without their table, a table without its codes, or one of another size or type; the message
            starts with `where`.
    """
    whole = dict(tensors)
    for part in [name for name in tensors if name.endswith((CODES, TABLE))]:
        name = part.removesuffix(CODES).removesuffix(TABLE)
        codes, table = whole.pop(name + CODES, None), whole.pop(name + TABLE, None)
        if name in whole:
            continue  # done with its other part
        form = [None if value is None else str(value.dtype).removeprefix("torch.") for value in (codes, table)]
        if form[0] != "uint8" or "float" not in str(form[1]) or tuple(table.shape) != (LEVELS,):
            raise WeightsError(f"{where}: '{name}' is not {LEVELS} values and their codes: get the file again")
        whole[name] = table[np.asarray(codes, dtype=np.intp)]
    return whole


def _levels(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 256 rising levels for which the mean squared distance of values, (N,), to the nearest is small.

    Lloyd's algorithm, from levels as dense as the cube root of the values' density, which is best for many levels
    (Panter and Dite 1951).
    """
    distinct = np.unique(values)
    if len(distinct) <= LEVELS:
        return np.append(distinct, np.full(LEVELS - len(distinct), distinct[-1] if len(distinct) else 0.0))
    values = np.sort(values)
    knots = np.quantile(values, np.linspace(0, 1, 16 * LEVELS + 1))
    share = np.append(0, np.cumsum(np.diff(knots) ** (2 / 3)))
    levels = np.interp((np.arange(LEVELS) + 0.5) / LEVELS * share[-1], share, knots)
    sums = np.append(0, np.cumsum(values))
    for _ in range(ROUNDS):
        edges = np.searchsorted(values, (levels[1:] + levels[:-1]) / 2)
        bounds = np.concatenate([[0], edges, [len(values)]])
        counts = np.diff(bounds)
        moved = np.where(counts > 0, np.diff(sums[bounds]) / np.maximum(counts, 1), levels)
        if np.array_equal(moved, levels):
            break
        levels = moved
    return levels

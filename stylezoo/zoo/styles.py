"""Resolve names of styles with a model's record."""

from __future__ import annotations

import math
import os
import reprlib
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from stylezoo.errors import StyleError, did_you_mean
from stylezoo.zoo.catalog import models_with
from stylezoo.zoo.spec import ModelSpec

MOST = 10**9
"""The largest weight of a mix; larger ones would exceed float32 after normalising by a small sum."""


def find_style(spec: ModelSpec, style: Any) -> int | None:
    """Return the index of the style that the model knows by that name; None for a picture, a code or a mix.

    Raises:
        StyleError: a name that is neither a style's nor, where the model takes pictures, a file's; an index out of
            range; or None, where the model has not just one style.
    """
    ids, known = spec.style_ids, ", ".join(spec.style_ids)
    if style is None:
        if len(ids) == 1:
            return 0
        if spec.kind == "arbitrary":
            named = known and f", or name one of {known}"
            raise StyleError(f"{spec.name} needs a style (--style): give a picture{named}")
        raise StyleError(f"{spec.name} has {len(ids)} styles: name one (--style): {known}")
    if isinstance(style, Integral) and not isinstance(style, bool):
        if not -len(ids) <= (index := int(style)) < len(ids):
            raise StyleError(f"{spec.name} has no style number {style}: it has {len(ids)} ({known or 'none'})")
        return index % len(ids)
    if isinstance(style, (str, os.PathLike)) and os.fsdecode(style).endswith(".safetensors"):
        raise StyleError(f"{os.fsdecode(style)} is a style card, not a picture: add it with --card or add_card")
    if not isinstance(style, str):
        return None
    if style in ids:
        return ids.index(style)
    near = did_you_mean(style, ids)
    if spec.kind != "arbitrary":
        if Path(style).suffix and os.path.isfile(style):  # noqa: PTH113 - Path.is_file raises for names too long
            return None
        others = [name for name in models_with(style) if name != spec.name][:4]
        elsewhere = f" Models that have it: {', '.join(others)}." if others else ""
        what = f"{spec.name} has no style '{style}'"
        raise StyleError(f"{what}.{near}" if near else f"{what}: it has {known}.{elsewhere}")
    if os.path.exists(style) or "://" in style:  # noqa: PTH110 - as above; `read` says what to do with an address
        return None
    named = "" if near else f" ({known or 'none'})"
    raise StyleError(f"'{style}' is neither an existing picture nor a named style of {spec.name}{named}.{near}")


def read_mix(spec: ModelSpec, style: Mapping[Any, Any] | Iterable[Any]) -> list[tuple[Any, float]]:
    """Return the members of a mix, of a mapping or of pairs, with weights that sum to 1.

    Raises:
        StyleError: it is empty, or its weights are not numbers, are larger than `MOST`, or sum to 0.
    """
    members = style.items() if isinstance(style, Mapping) else style
    pairs = [m if isinstance(m, (list, tuple)) else (m, 1.0) for m in members]
    if not pairs:
        raise StyleError(f"{spec.name}: an empty mix of styles: name at least one")
    for pair in pairs:
        if len(pair) != 2:
            raise StyleError(f"{spec.name}: a mix must be styles or (style, weight) pairs, not tuples of {len(pair)}")
        number = isinstance(pair[1], Real) and not isinstance(pair[1], bool)
        if not (number and -MOST <= pair[1] <= MOST):
            raise StyleError(
                f"{spec.name}: the weights of a mix must be numbers from -{MOST:g} to {MOST:g}, not "
                f"{reprlib.repr(pair[1])}"
            )
    if (total := math.fsum(float(weight) for _, weight in pairs)) < 1e-6:
        raise StyleError(f"{spec.name}: the weights of a mix must sum to more than 0, not {total:g}")
    return [(member, float(weight) / total) for member, weight in pairs]

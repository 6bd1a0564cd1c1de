"""Any mix of styles and any masks: shares that sum to 1, compared with float64, or an error that names the value."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stylezoo.cli.options import parse_style
from stylezoo.errors import OptionError, StyleError, StyleZooError
from stylezoo.runtime.base import StyleCode
from stylezoo.runtime.options import StylizeOptions
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer

STYLES = ("dots", "lines", "waves")
WEIGHTS = st.floats(allow_nan=False, allow_infinity=False) | st.floats(-2, 2) | st.integers()
MIXES = st.dictionaries(st.sampled_from(STYLES), WEIGHTS, min_size=1)


@pytest.fixture(scope="module")
def net(multi_file: Path) -> Stylizer:
    return load(multi_file, device="cpu")


@pytest.fixture(scope="module")
def rows(net: Stylizer) -> dict[str, np.ndarray]:
    return {style: net.encode_style(style).values.astype(float) for style in STYLES}


def expected_row(rows: dict[str, np.ndarray], mix: dict[str, Any]) -> np.ndarray:
    total = sum(map(float, mix.values()))
    return sum(rows[style] * (float(weight) / total) for style, weight in mix.items())


@given(mix=MIXES)
def test_a_mix_is_normalised_or_refused(net: Stylizer, rows: dict[str, np.ndarray], mix: dict[str, Any]) -> None:
    forms = [mix, list(mix.items()), tuple(mix.items())]
    try:
        codes = [net.encode_style(form) for form in forms]
    except StyleError as error:
        assert "weights" in str(error)
        assert max(map(abs, mix.values())) > 1e9 or math.fsum(mix.values()) < 1e-6
        return
    expected = expected_row(rows, mix)
    scale = 1 + sum(abs(float(w)) for w in mix.values()) / sum(map(float, mix.values()))
    for code in codes:
        assert np.abs(code.values - expected).max() <= 1e-5 * scale * max(np.abs(row).max() for row in rows.values())


@given(weights=st.lists(st.floats(0, 100), min_size=1, max_size=3), factor=st.floats(0.01, 100))
def test_only_the_ratio_of_weights_counts(net: Stylizer, weights: list[float], factor: float) -> None:
    if sum(weights) * min(1, factor) < 1e-5:
        return
    mix = dict(zip(STYLES, weights, strict=False))
    more = {style: weight * factor for style, weight in mix.items()}
    assert np.allclose(net.encode_style(mix).values, net.encode_style(more).values, rtol=1e-4, atol=1e-5)


@given(mix=st.dictionaries(st.sampled_from(STYLES), st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_a_mix_is_read_as_it_is_written(mix: dict[str, float]) -> None:
    for space in ("", " "):
        text = f",{space}".join(f"{style}{space}:{space}{weight!r}" for style, weight in mix.items())
        assert parse_style(text) == mix


@given(text=st.text(st.sampled_from("ab:,.0159e-+ /\\\0\n\ud800") | st.characters(), max_size=12))
def test_any_text_is_a_style_or_an_error_in_one_line(text: str) -> None:
    try:
        found = parse_style(text)
    except StyleZooError as error:
        assert "--style" in str(error)
        return
    assert found == text or (isinstance(found, dict) and found and all(map(math.isfinite, found.values())))


def mask_in(form: str, values: np.ndarray) -> Any:
    """The same mask, uint8, as another type."""
    forms = {
        "uint8": lambda: values,
        "uint16": lambda: values.astype("uint16") * 257,
        "float16": lambda: (values / 255).astype("float16"),
        "float64": lambda: values / 255,
        "bool": lambda: values > 127,
        "three channels": lambda: np.repeat(values[..., None], 3, axis=2),
        "alpha": lambda: np.dstack([np.full_like(values, 255), values]),
        "L": lambda: Image.fromarray(values),
        "tensor": lambda: torch.from_numpy(values / 255),
        "bool tensor": lambda: torch.from_numpy(values > 127),
    }
    return forms[form]()


FORMS = ["uint8", "uint16", "float16", "float64", "bool", "three channels", "alpha", "L", "tensor", "bool tensor"]


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    seed=st.integers(0, 2**32 - 1),
    forms=st.lists(st.sampled_from(FORMS), min_size=1, max_size=3),
    data=st.data(),
)
def test_masks_share_every_pixel(
    net: Stylizer, height: int, width: int, seed: int, forms: list[str], data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    hard = seed % 3 == 0
    masks = [rng.integers(0, 256, (height, width)).astype(np.uint8) for _ in forms]
    masks = [np.where(mask > 127, 255, 0).astype(np.uint8) if hard else mask for mask in masks]
    flat = [np.where(m > 127, 1.0, 0.0) if "bool" in form else m / 255 for m, form in zip(masks, forms, strict=True)]
    rest = data.draw(st.sampled_from([None, "dots"]))
    given_ = [(STYLES[i], mask_in(form, mask)) for i, (form, mask) in enumerate(zip(forms, masks, strict=True))]
    plan = read_plan_of(net, rest, given_)
    total = np.sum(flat, axis=0)
    expected = [mask / np.maximum(total, 1) for mask in flat] + [np.maximum(1 - total, 0)]
    assert len(plan.masks) == len(expected)
    for found, wanted in zip(plan.masks, expected, strict=True):
        assert found.shape == (1, 1, height, width) and found.min() >= 0 and found.max() <= 1
        assert np.abs(found[0, 0] - wanted).max() <= 1e-3  # float16 has 11 bits
    assert np.abs(np.sum(plan.masks, axis=0) - 1).max() <= 1e-5
    other = np.zeros((height + 1, width), np.uint8)
    with pytest.raises(OptionError, match=f"{width}x{height}"):
        net.stylize(other, rest, mask=given_)


def read_plan_of(net: Stylizer, rest: Any, masks: Any) -> Any:
    from stylezoo.stylizer.style import read_plan

    class Named:
        """A runtime that only knows the rows of names."""

        code_width = 1

        def named_code(self, index: int) -> np.ndarray:
            return np.full((1, 1), float(index), np.float32)

    plan = read_plan(net.spec, Named(), rest, masks, StylizeOptions())  # type: ignore[arg-type]
    assert all(style is None or isinstance(style.parts[0].content, StyleCode) for style in plan.styles)
    return plan


@pytest.mark.parametrize("weight", [1e300, 10**400, -(10**10), float("inf"), float("nan"), True, "1", None])
def test_a_weight_that_is_no_ordinary_number_is_named(net: Stylizer, weight: Any) -> None:
    with pytest.raises(StyleError, match="weights of a mix") as caught:
        net.encode_style({"dots": weight, "lines": 1})
    assert repr(weight)[:9] in str(caught.value)

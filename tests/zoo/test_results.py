from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stylezoo.errors import RegistryError
from stylezoo.zoo.results import Figure, MetricInfo, Results, RunInfo, read_file, read_results, write_file

INFO = MetricInfo(key="P", title="palette distance", better="lower", note="P is the palette distance.", decimals=2)


def model(name: str = "cin/tiny", sha: str = "a" * 64) -> Any:
    return SimpleNamespace(name=name, weights=SimpleNamespace(sha256=sha))


def run(split: str = "validation", **changes: Any) -> RunInfo:
    facts = {"date": "2026-01-31", "machine": "a laptop", "command": "stylezoo eval cin/tiny", "size": 384}
    return RunInfo(**facts | {"split": split} | changes)


def figures(**means: float) -> dict[str, Figure]:
    return {id: Figure(style=id, run="", mean=mean, spread=0.1, count=4, low=0.5, high=9) for id, mean in means.items()}


def test_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    results = Results(metric=INFO).add(model(), run(), figures(a=1.5, b=2.5))
    write_file(results, tmp_path / "results" / "P.json")
    assert read_results(tmp_path / "results") == {"P": results}
    text = (tmp_path / "results" / "P.json").read_text()
    assert text.count("a laptop") == 1  # a run is stated once
    assert read_results(tmp_path / "nowhere") == {}


def test_later_figures_replace_those_of_the_same_protocol_alone() -> None:
    results = Results(metric=INFO).add(model(), run(), figures(a=1, b=2)).add(model(), run("test"), figures(a=3))
    results = results.add(model(), run(date="2026-02-01"), figures(a=4))
    found = {(figure.style, there.split): (figure.mean, there.date) for figure, there in results.of(model())}
    assert found == {
        ("a", "validation"): (4, "2026-02-01"),
        ("b", "validation"): (2, "2026-01-31"),
        ("a", "test"): (3, "2026-01-31"),
    }
    results = results.add(model(), run(date="2026-02-01"), figures(b=5))
    assert len(results.runs) == 2  # nothing was left of the first


def test_figures_of_other_weights_do_not_count() -> None:
    results = Results(metric=INFO).add(model(), run(), figures(a=1))
    assert results.of(model(sha="b" * 64)) == [] == results.of(model("cin/other"))
    results = results.add(model(sha="b" * 64), run(), figures(b=1))
    assert [figure.style for figure, _ in results.of(model(sha="b" * 64))] == ["b"] and results.of(model()) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [("{", "[", "P.json"), ('"run":"1"', '"run":"7"', "'7'"), ('"mean"', '"average"', "average")],
)
def test_a_broken_file_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "P.json"
    write_file(Results(metric=INFO).add(model(), run(), figures(a=1)), path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(RegistryError, match=said):
        read_file(path)

"""The script that writes figures of results/ into pages, and whether those that are there are the recorded ones."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from msgspec import structs

from stylezoo.zoo.layout import read_zoo
from stylezoo.zoo.results import read_results


@pytest.fixture(scope="module")
def script(load_script) -> ModuleType:
    return load_script("figures")


def test_the_tables_are_of_the_registry(script: ModuleType) -> None:
    result = CliRunner().invoke(script.main, ["--check"])
    assert result.exit_code == 0, result.output


def test_every_page_has_a_table(script: ModuleType) -> None:
    for page in script.PAGES:
        assert (script.ROOT / page).read_text().count("<!-- figures: ") == 1, page


def test_a_figure_that_changed_fails_the_check_until_it_is_written(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "docs").mkdir()
    for page in script.PAGES:
        (tmp_path / page).write_bytes((script.ROOT / page).read_bytes())
    results = read_results(script.ROOT / "results")
    before = results["C"].models["johnson/mosaic"]
    worse = structs.replace(before, figures=tuple(structs.replace(f, mean=4.567) for f in before.figures))
    models = results["C"].models | {"johnson/mosaic": worse}
    changed = results | {"C": structs.replace(results["C"], models=models)}
    monkeypatch.setattr(script, "read_results", lambda path: changed)

    def run(*options: str) -> tuple[int, str]:
        result = CliRunner().invoke(script.main, ["--root", str(tmp_path), *options])
        return result.exit_code, result.output

    code, output = run("--check")
    assert code == 1 and "README.md is not what results/ give: run python scripts/figures.py" in output
    before = (tmp_path / "README.md").read_text()
    assert run()[0] == 0 and run("--check")[0] == 0
    after = (tmp_path / "README.md").read_text()
    differing = [line for line in after.splitlines() if line not in before.splitlines()]
    assert len(differing) == 1 and differing[0].startswith("| `johnson/mosaic` | one | 0.2 MB | 4.567 ")


def test_steadiness_stands_where_all_styles_have_it(script: ModuleType) -> None:
    zoo, results = read_zoo(script.ROOT / "zoo.yaml"), read_results(script.ROOT / "results")
    assert "| `cin/16-video` |" in script.steadiness(zoo, results)
    whole = results["W"].models["cin/16-video"]
    lacking = structs.replace(whole, figures=whole.figures[:3])
    models = results["W"].models | {"cin/16-video": lacking}
    assert "| `cin/16-video` |" not in script.steadiness(zoo, {"W": structs.replace(results["W"], models=models)})

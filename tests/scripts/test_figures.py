"""The script that writes figures of zoo.yaml into pages, and whether those that are there are of the registry."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from msgspec import structs

from stylezoo.zoo.spec import read_zoo


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
    zoo = read_zoo(script.ROOT / "zoo.yaml")
    spec = zoo.models["johnson/mosaic"]
    assert spec.metrics
    metrics = {"mosaic": structs.replace(spec.metrics["mosaic"], content=4.567)}
    changed = zoo.models | {"johnson/mosaic": structs.replace(spec, metrics=metrics)}
    monkeypatch.setattr(script, "read_zoo", lambda path: structs.replace(zoo, models=changed))

    def run(*options: str) -> tuple[int, str]:
        result = CliRunner().invoke(script.main, ["--root", str(tmp_path), *options])
        return result.exit_code, result.output

    code, output = run("--check")
    assert code == 1 and "README.md is not what zoo.yaml gives: run python scripts/figures.py" in output
    before = (tmp_path / "README.md").read_text()
    assert run()[0] == 0 and run("--check")[0] == 0
    after = (tmp_path / "README.md").read_text()
    differing = [line for line in after.splitlines() if line not in before.splitlines()]
    assert len(differing) == 1 and differing[0].startswith("| `johnson/mosaic` | one | 0.2 MB | 4.567 ± ")


def test_steadiness_is_told_where_all_styles_have_it(script: ModuleType) -> None:
    zoo = read_zoo(script.ROOT / "zoo.yaml")
    spec = zoo.models["cin/16"]
    assert spec.metrics and "| `cin/16` |" in script.steadiness(zoo)
    one, *_ = spec.metrics
    lacking = spec.metrics | {one: structs.replace(spec.metrics[one], warp=())}
    zoo = structs.replace(zoo, models={"cin/16": structs.replace(spec, metrics=lacking)})
    assert "cin/16" not in script.steadiness(zoo)

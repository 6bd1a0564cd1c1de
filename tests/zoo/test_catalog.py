from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stylezoo.zoo
from stylezoo.errors import ModelNotFoundError, OptionError, RegistryError
from stylezoo.zoo import catalog
from stylezoo.zoo.catalog import default_zoo, list_models, model_info
from stylezoo.zoo.spec import parse_zoo


@pytest.fixture
def zoo(registry: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Three models and two aliases in the place of the package's own."""
    mosaic = registry["models"]["johnson/mosaic"]
    plain = mosaic | {"metrics": None}
    registry["models"] |= {
        "johnson/candy": plain | {"styles": [mosaic["styles"][0] | {"id": "candy"}]},
        "ghiasi/small": plain | {"family": "ghiasi", "styles": []},
    }
    registry["aliases"]["any"] = "ghiasi/small"
    parsed = parse_zoo(registry, "zoo.yaml")
    monkeypatch.setattr(catalog, "default_zoo", lambda: parsed)


@pytest.mark.usefixtures("zoo")
def test_lists_names_sorted() -> None:
    assert list_models() == ["ghiasi/small", "johnson/candy", "johnson/mosaic"]


@pytest.mark.usefixtures("zoo")
@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("johnson/*", ["johnson/candy", "johnson/mosaic"]),
        ("*/?andy", ["johnson/candy"]),
        ("johnson/mosaic", ["johnson/mosaic"]),
        ("any", ["ghiasi/small"]),
        ("[am]*", ["ghiasi/small", "johnson/mosaic"]),
        ("gatys/*", []),
    ],
)
def test_a_pattern_matches_names_and_aliases(pattern: str, names: list[str]) -> None:
    assert list_models(pattern) == names


@pytest.mark.usefixtures("zoo")
def test_family_and_kind_narrow_the_list() -> None:
    assert list_models(family="ghiasi") == ["ghiasi/small"]
    assert list_models(kind="single") == ["johnson/candy", "johnson/mosaic"]
    assert list_models("*a*", family="johnson", kind="arbitrary") == []


@pytest.mark.usefixtures("zoo")
def test_an_unknown_family_or_kind_names_the_choices() -> None:
    with pytest.raises(OptionError, match=r"family must be one of johnson, .*, not 'jonson'\. Did you mean johnson\?"):
        list_models(family="jonson")
    with pytest.raises(OptionError, match=r"kind must be one of single, multi, arbitrary, not 'one'"):
        list_models(kind="one")


@pytest.mark.usefixtures("zoo")
def test_model_info_takes_names_and_aliases() -> None:
    assert model_info("johnson/candy").style_ids == ("candy",)
    assert model_info("any").name == "ghiasi/small"


@pytest.mark.usefixtures("zoo")
@pytest.mark.parametrize(("name", "near"), [("johnson/mosiac", "johnson/mosaic"), ("candy", "johnson/candy")])
def test_an_unknown_model_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        model_info(name)
    message = str(caught.value)
    assert message.startswith(f"no model is named '{name}'. Did you mean ") and near in message
    assert message.endswith("run stylezoo list.")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty package folder within an empty checkout, where default_zoo looks."""
    folder = tmp_path / "stylezoo"
    folder.mkdir()
    monkeypatch.setattr(catalog, "_PACKAGE", folder)
    default_zoo.cache_clear()
    yield folder
    default_zoo.cache_clear()


def test_the_registry_inside_the_package_comes_before_the_checkouts(package: Path) -> None:
    with pytest.raises(RegistryError, match="reinstall stylezoo"):
        default_zoo()
    (package.parent / "zoo.yaml").write_text("schema: 2\naliases: {}\nmodels: {}\n")
    with pytest.raises(RegistryError, match="schema: is 2"):
        default_zoo()
    (package / "zoo.yaml").write_text("schema: 1\naliases: {}\nmodels: {}\n")
    assert default_zoo().models == {}


def test_looking_things_up_loads_nothing_heavy() -> None:
    heavy = ("torch", "torchvision", "timm", "numpy", "PIL", "huggingface_hub", "safetensors")
    code = f"import sys, stylezoo.zoo as z; z.list_models(); print([m for m in {heavy} if m in sys.modules])"
    root = str(Path(stylezoo.zoo.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": root}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"

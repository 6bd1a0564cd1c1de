from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import pytest

import stylezoo

NAMES = {
    "ModelSpec",
    "Stylizer",
    "__version__",
    "add_zoo",
    "create_backbone",
    "create_model",
    "errors",
    "list_models",
    "load",
    "model_info",
    "stylize",
}


def test_import_loads_nothing_heavy():
    script = "import sys, stylezoo; print({'torch', 'torchvision', 'timm', 'PIL', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_public_names_are_these_and_no_others():
    assert set(stylezoo.__all__) == NAMES
    assert set(dir(stylezoo)) >= NAMES


@pytest.mark.parametrize("name", sorted(NAMES - {"__version__"}))
def test_every_public_name_is_found_and_explained(name):
    assert getattr(stylezoo, name).__doc__


def test_errors_are_found_without_importing_them():
    script = "import stylezoo; print(issubclass(stylezoo.errors.StyleError, stylezoo.errors.StyleZooError))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        stylezoo.lod  # noqa: B018


def test_version_is_that_of_the_installed_package():
    try:
        installed = version("stylezoo")
    except PackageNotFoundError:
        pytest.skip("the package is not installed")
    assert stylezoo.__version__ == installed


def test_loading_and_listing_read_no_measurements():
    """Neither results/ nor fingerprints.json, which only `info`, cards and `verify` need."""
    script = """
import sys, stylezoo
opened = []
sys.addaudithook(lambda event, args: event == "open" and opened.append(str(args[0])))
stylezoo.load("johnson/mosaic")
try:
    from stylezoo.cli.main import cli
    cli(["list"], standalone_mode=False)
finally:
    read = [path for path in opened if path.endswith(".json")]
    print([path for path in opened if path.endswith("zoo.yaml")] != [], read, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == "True []\n"

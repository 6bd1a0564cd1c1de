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

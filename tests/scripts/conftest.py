"""The scripts of the repository as modules."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
import snippets


@pytest.fixture(scope="session")
def load_script() -> Callable[[str], ModuleType]:
    """Load a script by its name: load_script("bundle")."""
    return snippets.load_script

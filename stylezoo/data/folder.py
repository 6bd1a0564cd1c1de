"""Where training data lies: style pictures in presets/ and styles/, photos in content/."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def data_folder() -> Path | None:
    """Return the folder that STYLEZOO_DATA names; else the default one where it exists, else None."""
    if value := os.environ.get("STYLEZOO_DATA"):
        return Path(value).expanduser()
    return default if (default := default_folder()).is_dir() else None


def default_folder() -> Path:
    """Return the folder that is used without STYLEZOO_DATA: 'stylezoo' where the platform keeps a user's data.

    XDG_DATA_HOME names that place on any platform; it must be absolute to count.
    """
    home = Path.home()
    if (xdg := Path(os.environ.get("XDG_DATA_HOME", ""))).is_absolute():
        base = xdg
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        base = home / ".local" / "share"
    return base / "stylezoo"

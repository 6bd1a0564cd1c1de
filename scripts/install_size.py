"""Print how much an environment takes on the disk, by package, without pip and setuptools.

    python -m venv fresh
    fresh/bin/pip install .
    fresh/bin/python scripts/install_size.py               # of the environment that runs it
    fresh/bin/python scripts/install_size.py --limit 250   # exit with 1 if it takes more, in millions of bytes

Counts the bytes of the files in site-packages, the compiled ones included.
"""

from __future__ import annotations

import argparse
import sys
import sysconfig
from collections import Counter
from importlib.metadata import distributions
from pathlib import Path

OTHERS = {"pip", "setuptools", "wheel"}
"""What `python -m venv` brings, of no use to stylezoo."""
SHOWN = 10


def package_sizes(folder: Path) -> Counter[str]:
    """Return the bytes of each package in a site-packages folder; "" is what belongs to none."""
    owners = {
        file.parts[0]: dist.metadata["Name"]
        for dist in distributions(path=[str(folder)])
        for file in dist.files or ()
        if file.parts[0] != ".."
    }
    sizes: Counter[str] = Counter()
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            sizes[owners.get(path.relative_to(folder).parts[0], "")] += path.stat().st_size
    return Counter({name: size for name, size in sizes.items() if name not in OTHERS})


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--limit", type=float, metavar="MB", help="exit with 1 if the packages take more")
    parser.add_argument("--folder", type=Path, help="a site-packages folder, in place of this environment's")
    given = parser.parse_args(arguments)
    sizes = package_sizes(given.folder or Path(sysconfig.get_path("purelib")))
    total = sizes.total() / 1e6
    shown = sizes.most_common(SHOWN)
    for name, size in shown:
        print(f"{size / 1e6:7.1f} MB  {name or 'other files'}")
    print(f"{total - sum(size for _, size in shown) / 1e6:7.1f} MB  the rest")
    print(f"{total:7.1f} MB  in all")
    if given.limit is not None and total > given.limit:
        print(f"{total:.1f} MB is more than the limit of {given.limit:g} MB", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

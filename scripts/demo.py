"""Turn a well-known photo into a mosaic with the command that a user would type.

Writes demo/astronaut.jpg and demo/astronaut_mosaic.png under the current folder. The photo, of Eileen Collins by NASA
and in the public domain, comes with stylezoo.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from stylezoo.zoo.store import BUNDLED


def main() -> int:
    """Run the demo and return the exit code of the command."""
    photo, result = Path("demo/astronaut.jpg"), Path("demo/astronaut_mosaic.png")
    photo.parent.mkdir(exist_ok=True)
    shutil.copyfile(BUNDLED / "astronaut.jpg", photo)

    # the command of this very environment, whatever else PATH holds
    command = shutil.which("stylezoo", path=sysconfig.get_path("scripts"))
    if command is None:
        print("stylezoo is not installed for this Python: run `make demo`", file=sys.stderr)
        return 2
    arguments = ["stylize", str(photo), "-m", "johnson/mosaic", "-o", str(result), "--force"]
    print("$ stylezoo", *arguments, flush=True)
    started = time.perf_counter()
    code = subprocess.run([command, *arguments], check=False).returncode
    if code == 0:
        print(f"{time.perf_counter() - started:.1f} s. The picture is at {result.resolve()}")
    return code


if __name__ == "__main__":
    sys.exit(main())

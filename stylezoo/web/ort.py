"""onnxruntime-web: onnxruntime as WebAssembly, from the npm registry."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

from stylezoo._files import replacing
from stylezoo.data.fetch import download
from stylezoo.errors import DataError, OptionError

VERSION = "1.30.0"
URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
SHA512 = (
    "ab4cbe26baedba45d2cec05610c71c55fa97db92d19a8b171c5f8269126683ca"
    "590a5cdc57bb2f35ce2b298de32f4d956fb42644c0ecd528a0a91e025c07ca61"
)
WASM = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
WEBGPU = ("ort.jspi.bundle.min.mjs", "ort-wasm-simd-threaded.jspi.wasm")
FILES = WASM + WEBGPU
"""What a page needs of the package's dist/: for each backend a script and a program. The jspi build is the smaller of
those with WebGPU."""


def find_ort(folder: Path | None, cache: Path, *, progress: bool = False) -> dict[str, bytes]:
    """Return name -> content of `FILES`.

    Args:
        folder: a copy of the npm package onnxruntime-web, or of its dist/; None: fetch it, once.
        cache: where what is fetched is kept.
        progress: show a progress bar on stderr.

    Raises:
        OptionError: the folder has not these files.
        DataError: the package cannot be fetched, or has another hash.
    """
    if folder is not None:
        for place in (folder / "dist", folder):
            if all((place / name).is_file() for name in FILES):
                return {name: (place / name).read_bytes() for name in FILES}
        raise OptionError(
            f"{folder} has no {' and '.join(FILES)}: run npm pack onnxruntime-web@{VERSION} and unpack it"
        )
    places = {name: cache / f"onnxruntime-web-{VERSION}" / name for name in FILES}
    if not all(place.is_file() for place in places.values()):
        _fetch(places, progress)
    return {name: place.read_bytes() for name, place in places.items()}


def _fetch(places: dict[str, Path], progress: bool) -> None:
    folder = next(iter(places.values())).parent
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / "package.tgz"
    try:
        download(URL, archive, _check, progress=progress)
    except DataError as cause:
        raise DataError(
            f"onnxruntime-web {VERSION} cannot be fetched: {cause}; without a network, pass --ort DIR"
        ) from cause
    with tarfile.open(archive) as package:
        for name, place in places.items():
            member = package.extractfile(f"package/dist/{name}")
            assert member is not None
            with replacing(place) as temporary:
                temporary.write_bytes(member.read())
    archive.unlink()


def _check(path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha512").hexdigest()
    if found != SHA512:
        raise DataError(f"its SHA-512 is {found[:16]}..., not {SHA512[:16]}...")

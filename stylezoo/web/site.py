"""Write the page with its nets: static files, for any file server."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from stylezoo import __version__
from stylezoo._files import replacing, shows
from stylezoo.data.folder import default_folder
from stylezoo.errors import OptionError
from stylezoo.images.color import unpack_colours
from stylezoo.runtime.architecture import Trunk
from stylezoo.runtime.graphs import trunk_graph
from stylezoo.runtime.mirror_graphs import style_row_graph
from stylezoo.runtime.trunk import TrunkRuntime
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.web.ort import WEBGPU, find_ort
from stylezoo.zoo.spec import Palette
from stylezoo.zoo.store import BUNDLED

MODELS = ("cin/16", "ghiasi/lite")
"""The default: sixteen styles by name, and any picture as the style; together some 6 MB over the network."""

TILE, QUALITY = 160, 80  # px, of the styles' pictures
SAMPLE = "photo.jpg"
FAMILIES = ("johnson", "cin", "ghiasi")


@dataclass(frozen=True)
class Site:
    """A site that was written.

    Attributes:
        folder: it holds index.html.
        models: the names of its nets.
        files: how many files it has.
        size: their size in bytes.
    """

    folder: Path
    models: tuple[str, ...]
    files: int
    size: int


def write_site(
    folder: Path,
    names: Sequence[str] = MODELS,
    *,
    ort: Path | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Site:
    """Write a web page that stylizes photos on the visitor's device, without a server behind it.

    Any static file server can serve the folder, such as `python -m http.server`. Nothing is uploaded and nothing is
    fetched from elsewhere; after the first visit the page works offline. Nets run by onnxruntime-web, with WebGPU where
    the browser has it, and in WebAssembly elsewhere.

    Args:
        folder: to write to.
        names: models of the families johnson, cin and ghiasi, each as in `load`.
        ort: a copy of the npm package onnxruntime-web, or of its dist/; None: it is downloaded once.
        overwrite: replace the files of an earlier site.
        progress: show progress bars on stderr.

    Raises:
        OptionError: a model does not run in a browser, or the folder has files already.
        DataError: onnxruntime-web cannot be downloaded.
    """
    nets = [load(name, device="cpu") for name in dict.fromkeys(names)]
    for net in nets:
        if net.spec.family not in FAMILIES:
            raise OptionError(f"{net.spec.name} does not run in a browser: choose models of {', '.join(FAMILIES)}")
    if not nets:
        raise OptionError("a page needs at least one model")
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not overwrite)):
        raise OptionError(f"'{folder}' exists: pass --force to write into it, or choose another --output")
    content = {f"ort/{name}": data for name, data in find_ort(ort, default_folder() / "web", progress=progress).items()}
    content |= dict(_assets())
    records = []
    for net in tqdm(nets, unit="model", disable=not shows(progress), leave=False, dynamic_ncols=True):
        record, made = _model(net)
        records.append(record)
        content |= made
    content[SAMPLE] = (BUNDLED / "astronaut.jpg").read_bytes()
    content["models.json"] = json.dumps({"models": records, "sample": SAMPLE}, ensure_ascii=False).encode()
    content["sw.js"] = _service_worker(content)
    for name, data in content.items():
        with replacing(folder / name) as temporary:
            temporary.write_bytes(data)
    return Site(folder, tuple(net.spec.name for net in nets), len(content), sum(map(len, content.values())))


def _assets() -> Iterator[tuple[str, bytes]]:
    for file in files("stylezoo.web").joinpath("assets").iterdir():
        if file.name != "sw.js":
            yield file.name, file.read_bytes().replace(b"%VERSION%", __version__.encode())


def _service_worker(content: dict[str, bytes]) -> bytes:
    """Return the script that keeps the files for visits without a network, and takes new ones when any has changed."""
    digest = hashlib.sha256()
    for name in sorted(content):
        digest.update(name.encode() + content[name])
    text = files("stylezoo.web").joinpath("assets", "sw.js").read_text(encoding="utf-8")
    later = sorted(f"ort/{name}" for name in WEBGPU)  # kept once a browser has used it: most cannot
    first = ["./", *sorted(content.keys() - set(later))]
    text = text.replace("%HASH%", digest.hexdigest()[:12])
    return text.replace("[/*FILES*/]", json.dumps(first)).replace("[/*ONCE_USED*/]", json.dumps(later)).encode()


def _model(net: Stylizer) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the record of a net for the page, and its files by name."""
    runtime, spec = net.runtime, net.spec
    assert isinstance(runtime, TrunkRuntime)
    weights, stem = runtime.weights, f"models/{spec.name.replace('/', '_')}"
    made = {
        f"{stem}.onnx": trunk_graph(Trunk(weights.arch), weights.floats, web=True),
        f"{stem}.rows": weights.rows.astype("<f4").tobytes(),
    }
    encoder = None
    if spec.kind == "arbitrary":
        encoder = f"{stem}_encoder.onnx"
        made[encoder] = style_row_graph(weights.floats, bool(weights.arch.get("folded")), halves=True)
    styles = []
    for row, style in enumerate(spec.styles):
        tile = f"{stem}_{style.id}.webp"
        made[tile] = _tile(net, style.id)
        by = ", ".join(filter(None, (style.artist, style.year)))
        palette = _palette(spec.palettes[row])
        styles.append({"id": style.id, "title": style.title, "by": by, "row": row, "tile": tile, "palette": palette})
    record = {
        "name": spec.name,
        "summary": spec.summary,
        "graph": f"{stem}.onnx",
        "rows": f"{stem}.rows",
        "width": weights.rows.shape[1],
        "photo": len(weights.rows) - 1 if weights.learns_photo else None,
        "antialiased": bool(spec.arch.get("antialiased")),
        "encoder": encoder,
        "styles": styles,
    }
    return record, made


def _palette(numbers: Palette | None) -> dict[str, list[float]] | None:
    """Return a style's colours as the page has them: a mean of 3 and a covariance of 9 numbers."""
    if numbers is None:
        return None
    mean, spread = unpack_colours(numbers)
    return {"mean": mean.ravel().tolist(), "spread": spread.ravel().tolist()}


def _tile(net: Stylizer, style: str) -> bytes:
    """Return the sample photo in a style, as a small WebP picture."""
    with Image.open(BUNDLED / "astronaut.jpg") as photo:
        stylized = net.stylize(photo.convert("RGB"), style, size=2 * TILE)
    buffer = io.BytesIO()
    stylized.resize((TILE, round(TILE * stylized.height / stylized.width))).save(buffer, "WEBP", quality=QUALITY)
    return buffer.getvalue()

"""Weights of other projects as nets of this package, with a record."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from msgspec import structs

from stylezoo._files import sha256_of
from stylezoo.errors import OptionError, WeightsError
from stylezoo.importers import magenta, naoto, reference
from stylezoo.importers.read import file_kind, read_tensors
from stylezoo.models import StyleNet, create_model
from stylezoo.types import PathLike
from stylezoo.zoo.families import FAMILIES
from stylezoo.zoo.spec import CARD_KEY, HEADER_KEY, UNSTATED, ModelSpec, StyleSpec
from stylezoo.zoo.store import WEIGHTS, read_header, read_metadata


def import_weights(
    path: PathLike,
    *,
    name: str | None = None,
    license: str | None = None,
    family: str | None = None,
    encoder: PathLike | None = None,
    title: str | None = None,
    artist: str | None = None,
    rights: str | None = None,
    source: str | None = None,
    summary: str | None = None,
) -> tuple[ModelSpec, StyleNet]:
    """Return the record and the net, float32, of a weights file, whose format is seen from its content.

    Args:
        path: a state dict of the PyTorch reference's fast_neural_style or of a decoder of pytorch-AdaIN (.pth or
            .safetensors), a net of many styles as Magenta's in ONNX (`pip install "stylezoo[onnx]"`), or a weights
            file or a run folder of this package. A pickle is opened only as far as it holds tensors.
        name: "family/style". Name and license are needed where the file is not of this package.
        license: of the weights, as those who trained them state it.
        family: what the file is expected to hold; another is refused.
        encoder: the vgg_normalised.pth that belongs to a decoder of pytorch-AdaIN.
        title, artist, rights: of the picture that was learned; of several pictures, of each.
        source: where the weights are from, such as an address.
        summary: one line on the net.

    Raises:
        WeightsError: unreadable, damaged, of no known format, or it needs code to be run.
        OptionError: something is missing or does not fit what the file holds.
    """
    if "://" in str(path):
        raise OptionError(f"'{path}' is a URL: download the file, and give the URL as --source")
    path = Path(path)
    facts = _given(name=name, license=license, summary=summary)
    stated = _given(title=title, artist=artist, rights=rights, source=source)
    own = path.is_dir() or (file_kind(path) == "safetensors" and read_metadata(path).keys() & {HEADER_KEY, CARD_KEY})
    spec: ModelSpec | None = None
    if own:
        spec, net = _copy(path, encoder, stated)
        layout = "of this package"
    else:
        net, layout = _build(path, encoder)
    what = f"{path} holds a net of the family {net.family} ({layout})"
    _check_family(what, net.family, family, name, str(facts.get("name", spec and spec.name)))
    if spec is None and license is None:
        raise OptionError(
            f"{what} made by others: state their license, such as --license BSD-3-Clause, or --license unstated if "
            "they give none"
        )
    try:
        if spec is not None:
            return structs.replace(spec, **facts), net
        parts = [_origin(path, f"{layout} layout"), encoder and _origin(encoder, "its encoder"), source]
        origin = "; ".join(str(part) for part in parts if part)
        facts |= {"provenance": "handmade", "story": f"not trained by stylezoo, imported from {origin}"}
        facts["styles"] = _styles(net, facts["name"].partition("/")[2], path, stated)
        return ModelSpec(family=net.family, arch=dict(net.arch), **facts), net
    except ValueError as cause:
        raise OptionError(f"{path}: {cause}") from cause


def _check_family(what: str, found: str, asked: str | None, name: str | None, own: str) -> None:
    """Raise OptionError where a net is of another family than `asked`, or than its `own` name says."""
    if asked not in (None, found):
        raise OptionError(f"{what}, not of {asked}: leave --family out, or give another file")
    if not own.startswith(f"{found}/"):
        raise OptionError(f"{what}: name it --name {found}/..., not {name or 'none'}")


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _origin(path: PathLike, what: str) -> str:
    return f"{Path(path).name}, sha256 {sha256_of(path)[:16]}…, {what}"


def _build(path: Path, encoder: PathLike | None) -> tuple[StyleNet, str]:
    """Return the net in a file that is not of this package, and what its layout is called."""
    kind = file_kind(path)
    weights = read_tensors(path) if kind != "onnx" else {}
    if naoto.is_encoder(weights):
        raise OptionError(f"{path} is an encoder, not a net: give its decoder, and this file as --encoder")
    if naoto.recognises(weights):
        if encoder is None:
            raise OptionError(
                f"{path} is an AdaIN decoder, which needs the encoder that it was trained with: add "
                "--encoder vgg_normalised.pth, which is published next to the decoder"
            )
        return naoto.build(weights, read_tensors(Path(encoder)), str(path), str(encoder)), naoto.LAYOUT
    if encoder is not None:
        raise OptionError(f"--encoder is for AdaIN decoders, but {path} is none: leave it out")
    if kind == "onnx":
        return magenta.read_net(path), magenta.LAYOUT
    if reference.recognises(weights):
        return reference.build(weights, str(path)), reference.LAYOUT
    names = ", ".join(list(weights)[:4])
    known = f"{reference.LAYOUT}, {naoto.LAYOUT}"
    raise WeightsError(f"{path} is a state dict of unknown layout, not one of {known}: its names are {names} ...")


def _styles(net: StyleNet, id: str, path: Path, stated: dict[str, Any]) -> tuple[StyleSpec, ...]:
    """Return the records of the styles that a net from elsewhere knows, whose names are not known."""
    facts: dict[str, Any] = {"title": path.stem, "rights": UNSTATED, "source": path.name} | stated
    if FAMILIES[net.family].kind == "single":
        return (StyleSpec(id=re.sub(r"[^a-z0-9_-]+", "_", id.lower()), **facts),)
    count = int(net.arch["styles"])
    digits = max(2, len(str(count - 1)))
    titles = [f"{stated['title']}, style {i}" if "title" in stated else f"Style {i}" for i in range(count)]
    return tuple(StyleSpec(id=f"style_{i:0{digits}}", **facts | {"title": title}) for i, title in enumerate(titles))


def _copy(path: Path, encoder: PathLike | None, stated: dict[str, Any]) -> tuple[ModelSpec, StyleNet]:
    """Return the record and the net of a file or run of this package; what is `stated` of its style is put into it."""
    if encoder is not None:
        raise OptionError(f"--encoder is for AdaIN decoders of other projects, but {path} is none: leave it out")
    file = path / WEIGHTS if path.is_dir() else path
    if not file.is_file():
        raise WeightsError(
            f"the folder {path} has no {WEIGHTS}: name a weights file, or a run folder of stylezoo train"
        )
    spec = read_header(file)
    if stated and len(spec.styles) != 1:
        raise OptionError(
            f"{path} states title, artist, rights and source for each of its {len(spec.styles)} styles: "
            f"leave --{' and --'.join(stated)} out"
        )
    try:
        spec = structs.replace(spec, styles=tuple(structs.replace(style, **stated) for style in spec.styles))
    except ValueError as cause:
        raise OptionError(f"{path}: {cause}") from cause
    return spec, create_model(spec.family, **spec.arch, weights=file)


__all__ = ["import_weights"]

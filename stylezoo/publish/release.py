"""Prepare a model for release: small weights, fingerprint, rights, a picture and its recipe."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from safetensors.numpy import save_file

from stylezoo._files import replacing, sha256_of
from stylezoo._yaml import dump_yaml
from stylezoo.errors import OptionError, RecipeError
from stylezoo.evaluate.verify import make_fingerprint, unstated
from stylezoo.models import StyleNet, create_model
from stylezoo.publish.samples import QUALITY, sample_page
from stylezoo.recipe import plain
from stylezoo.runtime.layout import layout_of
from stylezoo.runtime.tables import pack_kernels
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.train.recipe import from_yaml
from stylezoo.types import ImageLike, PathLike
from stylezoo.zoo.fingerprints import Fingerprint, find_fingerprints
from stylezoo.zoo.publish import Entry, paths_of
from stylezoo.zoo.spec import HEADER_KEY, ModelSpec, WeightsSpec, header_record
from stylezoo.zoo.store import find, locate


def finish(net: StyleNet, spec: ModelSpec, folder: Path) -> tuple[ModelSpec, Fingerprint]:
    """Write a net's weights under `folder`, and return its record with them, and its fingerprint.

    They are float16, and large kernels of decoders 8-bit tables, see `Layout.packs`. Parts that only training needs are
    folded into the weights.
    """
    net = net.fold()
    spec = msgspec.structs.replace(spec, arch=dict(net.arch), weights=None)
    file = f"{spec.name}.safetensors"
    path = folder / file
    halves = {name: value.detach().cpu().half().contiguous().numpy() for name, value in net.state_dict().items()}
    tensors = pack_kernels(halves, layout_of(spec.family).packs)
    with replacing(path) as temporary:
        save_file(tensors, temporary, {HEADER_KEY: header_record(spec)})
    dtype = "float16" if tensors.keys() == halves.keys() else "uint8"
    weights = WeightsSpec(file=file, sha256=sha256_of(path), bytes=path.stat().st_size, dtype=dtype, bundled=True)
    spec = msgspec.structs.replace(spec, weights=weights)
    return spec, make_fingerprint(spec, path)  # of the rounded weights, as users will have them


def make_entry(
    name: PathLike,
    scratch: Path,
    *,
    license: str | None = None,
    rights: str | None = None,
    source: str | None = None,
    story: str | None = None,
    photo: ImageLike | None = None,
    picture: bool = True,
) -> Entry:
    """Return the release of a model: a name in the registry, a run folder or a weights file.

    A model of a registry stays the same, byte for byte. The weights of a run or file are converted into `scratch`, see
    `finish`; those of a run count as made by one run of its recipe, unless a story is given.

    Args:
        license: of the weights of a run or a file, in place of what its record says.
        rights, source: of those styles whose rights are not stated yet.
        story: how the weights of a run or a file were made.
        photo: content image of the card's picture; None: scikit-image's astronaut.
        picture: whether the card has one.

    Raises:
        OptionError: the rights to a style or the origin of the weights are missing, or given for a model that states
            them already.
        ModelNotFoundError, WeightsError, HubError: there is no such model, or its weights cannot be loaded.
    """
    spec, path = find(name)
    if spec.weightless:
        raise OptionError(f"{name} has no weights to publish: leave it out")
    recipe = _recipe(Path(name))
    if spec.weights is None:
        stylizer = load(name, device="cpu")
        spec = _with_provenance(_stated(stylizer.spec, license, rights, source), story, recipe)
        spec, fingerprint = finish(stylizer.net, spec, scratch)
        weights = scratch / f"{spec.name}.safetensors"
        return registered(spec, weights, fingerprint=fingerprint, photo=photo, picture=picture, recipe=recipe)
    if license or rights or source or story:
        raise OptionError(f"{name} is in the registry, with its license, rights and story: change them there")
    return registered(spec, path or locate(spec), photo=photo, picture=picture)


def registered(
    spec: ModelSpec,
    weights: Path,
    *,
    fingerprint: Fingerprint | None = None,
    photo: ImageLike | None = None,
    picture: bool = True,
    recipe: str | None = None,
) -> Entry:
    """Return the release of a model of a registry whose weights file exists locally; see `make_entry`.

    `fingerprint` None: the recorded one, else it is computed.

    Raises:
        OptionError: the rights to a style are missing.
    """
    if unclear := unstated(spec):
        which = f"the style {unclear[0]}" + (f" and {len(unclear) - 1} more" if unclear[1:] else "")
        raise OptionError(
            f"{spec.name}: the rights to {which} are not stated: give --rights (why the picture may be used) and "
            "--source (where it comes from)"
        )
    fingerprint = fingerprint or find_fingerprints([spec])[0] or make_fingerprint(spec, weights)
    return Entry(spec, weights, partial(_picture, spec, weights, photo) if picture else None, recipe, fingerprint)


def _stated(spec: ModelSpec, license: str | None, rights: str | None, source: str | None) -> ModelSpec:
    given: dict[str, Any] = {k: v for k, v in {"rights": rights, "source": source}.items() if v}
    unclear = unstated(spec)
    if given and not unclear:
        raise OptionError(f"{spec.name}: the rights to all its styles are already stated: leave --rights out")
    styles = tuple(msgspec.structs.replace(s, **given) if s.id in unclear else s for s in spec.styles)
    return msgspec.structs.replace(spec, styles=styles, license=license or spec.license)


def _with_provenance(spec: ModelSpec, story: str | None, recipe: str | None) -> ModelSpec:
    """Return the record with its provenance: as given by the caller or the record, else the run of the recipe."""
    if story:
        return msgspec.structs.replace(spec, provenance="handmade", story=story)
    if spec.provenance:
        return spec
    if recipe is None:
        raise OptionError(
            f"{spec.name}: neither the file nor a recipe next to it states how the weights were made: give --story"
        )
    return msgspec.structs.replace(spec, provenance="recipe", recipe=paths_of(spec.name)[2])


def _picture(spec: ModelSpec, weights: Path, photo: ImageLike | None) -> bytes:
    net = create_model(spec.family, **spec.arch, weights=weights)
    page = sample_page(Stylizer(spec, net), photo)
    data = io.BytesIO()
    page.save(data, "JPEG", quality=QUALITY, optimize=True)
    return data.getvalue()


def _recipe(run: Path) -> str | None:
    """Return the recipe in a run folder; paths are cut to their last part, since folder names may be private."""
    try:
        recipe = from_yaml(run / "recipe.yaml") if run.is_dir() else None
    except RecipeError:  # of another version
        return None
    return None if recipe is None else dump_yaml(_without_folders(plain(recipe)))


def _without_folders(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_folders(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_without_folders(v) for v in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value

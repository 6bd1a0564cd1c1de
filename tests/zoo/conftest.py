"""A registry entry, and weights files made by the safetensors package."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from safetensors.numpy import save_file

from stylezoo.zoo import store
from stylezoo.zoo.spec import HEADER_KEY, ModelSpec, StyleSpec, WeightsSpec, header_record


@pytest.fixture
def registry() -> dict[str, Any]:
    """A registry with one model, as YAML gives it; every field is there."""
    return {
        "schema": 1,
        "aliases": {"mosaic": "johnson/mosaic"},
        "rights": {"old": "public domain (the artist died in {died})"},
        "artworks": {
            "mosaic": {
                "title": "Mosaïque",
                "artist": "A. Painter",
                "year": "1831",
                "died": "c.1860",
                "rights": "old",
                "source": "https://example.org/mosaic",
                "picture": {
                    "file": "mosaic.jpg",
                    "page": "https://example.org/mosaic",
                    "urls": ["https://example.org/mosaic.jpg?width=1280", "http://example.com/%C3%A9.jpg"],
                    "phash": "0123456789abcdef",
                },
            }
        },
        "datasets": {
            "photos": {"title": "928 photos", "terms": "none is shipped", "parts": ["hills", "lakes"]},
            "hills": {"title": "Hills", "terms": "CC0-1.0"},
            "lakes": {"title": "Lakes", "terms": "research alone"},
        },
        "models": {
            "johnson/mosaic": {
                "family": "johnson",
                "arch": {"width": 32, "scale": 1e-5, "norm": "instance", "tiles": True},
                "styles": ["mosaic"],
                "license": "Apache-2.0",
                "summary": "Stones: small ones",
                "recipe": "johnson.yaml",
                "training_data": "{photos}; and pictures of them",
                "provenance": "handmade",
                "story": "two runs",
                "weights": {
                    "file": "johnson/mosaic.safetensors",
                    "sha256": "0" * 64,
                    "bytes": 1234,
                    "dtype": "float16",
                    "bundled": True,
                    "hub": {"repo": "owner/zoo", "revision": "v1"},
                },
            }
        },
    }


@pytest.fixture
def spec() -> ModelSpec:
    """A model's record, without weights."""
    style = StyleSpec(id="mosaic", title="Mosaic", rights="public domain", source="https://example.org")
    return ModelSpec(name="johnson/mosaic", family="johnson", arch={"width": 32}, styles=(style,), license="MIT")


@pytest.fixture
def weights_file(spec: ModelSpec, tmp_path: Path) -> Path:
    """A whole weights file of `spec`."""
    path = tmp_path / "made" / "mosaic.safetensors"
    path.parent.mkdir()
    save_file({"weight": np.ones((4, 8), np.float16)}, path, metadata={HEADER_KEY: header_record(spec)})
    return path


@pytest.fixture
def make_weights(weights_file: Path) -> Callable[..., WeightsSpec]:
    """Return the registry's record of `weights_file`; keyword arguments replace its fields."""

    def make(**fields: Any) -> WeightsSpec:
        data = weights_file.read_bytes()
        facts = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "dtype": "float16"}
        return WeightsSpec(**{"file": "johnson/mosaic.safetensors", **facts, **fields})

    return make


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the place of the package's own bundled weights."""
    folder = tmp_path / "bundled"
    folder.mkdir()
    monkeypatch.setattr(store, "BUNDLED", folder)
    return folder


@pytest.fixture
def make_net(tmp_path: Path) -> Callable[..., tuple[ModelSpec, Path]]:
    """Return the record of a model, as a registry has it, and its weights file; another `fill` is another net."""

    def make(name: str, fill: float = 1.0, **fields: Any) -> tuple[ModelSpec, Path]:
        style = StyleSpec(id="dots", title="Dots", rights="CC0-1.0", source="a test")
        made = {"provenance": "handmade", "story": "drawn by a test"}
        facts: dict[str, Any] = {"license": "Apache-2.0", "arch": {"width": 8}, "styles": (style,)} | made | fields
        spec = ModelSpec(name=name, family=name.partition("/")[0], **facts)
        path = tmp_path / "nets" / f"{name}-{fill}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"weight": np.full((64, 64), fill, np.float16)}, path, metadata={HEADER_KEY: header_record(spec)})
        facts = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        weights = WeightsSpec(file=f"{name}.safetensors", dtype="float16", bundled=True, **facts)
        return structs.replace(spec, weights=weights), path

    return make

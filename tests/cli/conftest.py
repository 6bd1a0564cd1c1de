from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from stylezoo.cli.main import cli
from stylezoo.zoo import catalog
from stylezoo.zoo.layout import parse_zoo
from stylezoo.zoo.spec import Zoo

REGISTRY = """
schema: 1
aliases: {tiles: johnson/mosaic}
rights: {cc0: CC0-1.0, old: public domain}
artworks:
  mosaic: {title: Mosaïque, rights: cc0, source: drawn by a program}
  wave: {title: Wave, artist: Hokusai, year: c.1831, rights: old, source: a museum}
  night: {title: Night, rights: old, source: a museum}
models:
  johnson/mosaic:
    family: johnson
    arch: {variant: fast}
    styles: [mosaic]
    license: Apache-2.0
    recipe: recipes/mosaic.yaml
    provenance: recipe
    weights: {file: johnson/mosaic.safetensors, sha256: %(sha)s, bytes: 912345, dtype: float16, bundled: true}
  cin/four:
    family: cin
    arch: {}
    styles: [wave, night]
    license: CC-BY-4.0
    summary: Two of four
    provenance: handmade
    story: two runs
    weights: {file: cin/four.safetensors, sha256: %(sha)s, bytes: 1234567, dtype: float16, bundled: true}
""" % {"sha": "'" + "0" * 64 + "'"}  # noqa: UP031 - braces are YAML's here


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch) -> Zoo:
    """Two models in place of the package's registry."""
    registry = parse_zoo(yaml.safe_load(REGISTRY), "zoo.yaml")
    monkeypatch.setattr(catalog, "default_zoo", lambda: registry)
    return registry


@pytest.fixture
def run() -> Callable[..., Result]:
    """Call the command line as a shell would: run("list", "--json")."""

    def call(*arguments: Any, **options: Any) -> Result:
        return CliRunner().invoke(cli, [str(a) for a in arguments], **options)

    return call


@pytest.fixture
def refused(run: Callable[..., Result]) -> Callable[..., str]:
    """Call the command line with bad input and return the one line that it says about it."""

    def call(*arguments: Any, **options: Any) -> str:
        result = run(*arguments, **options)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        assert result.stderr.startswith("stylezoo: ")
        assert result.stderr.count("\n") == 1, result.stderr
        return result.stderr

    return call

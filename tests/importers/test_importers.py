from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import stylezoo
from stylezoo.errors import OptionError, WeightsError
from stylezoo.importers import import_weights
from stylezoo.stylizer.card import StyleCard
from stylezoo.zoo.store import read_header


@pytest.fixture
def pth(narrow: nn.Module, tmp_path: Path) -> Path:
    torch.save(narrow.state_dict(), path := tmp_path / "mosaic.pth")
    return path


def test_what_the_user_states_goes_into_the_record(pth: Path) -> None:
    spec, net = import_weights(
        pth,
        name="johnson/tiles",
        license="BSD-3-Clause",
        family="johnson",
        title="Tiles",
        artist="N. N.",
        rights="public domain",
        source="https://example.org/mosaic.pth",
        summary="Tiles of glass.",
    )
    assert (spec.name, spec.family, spec.arch, spec.license) == ("johnson/tiles", "johnson", net.arch, "BSD-3-Clause")
    assert spec.summary == "Tiles of glass."
    (style,) = spec.styles
    assert (style.id, style.title, style.artist) == ("tiles", "Tiles", "N. N.")
    assert (style.rights, style.source) == ("public domain", "https://example.org/mosaic.pth")
    assert spec.provenance == "handmade" and spec.story is not None
    start, _, rest = spec.story.partition("…")
    before = "not trained by stylezoo, imported from mosaic.pth, sha256 "
    assert start.startswith(before) and len(start) == len(before) + 16
    assert rest == ", PyTorch fast_neural_style layout; https://example.org/mosaic.pth"


def test_what_nobody_states_is_said_to_be_unstated(pth: Path) -> None:
    spec, _ = import_weights(pth, name="johnson/tiles", license="BSD-3-Clause")
    (style,) = spec.styles
    assert (style.title, style.artist, style.source) == ("mosaic", None, "mosaic.pth")
    assert style.rights == "unstated: add the rights to the picture before you share the net"


def test_an_imported_net_loads_and_comes_back(pth: Path, photo: Tensor, tmp_path: Path) -> None:
    spec, net = import_weights(pth, name="johnson/tiles", license="BSD-3-Clause")
    net.save_weights(path := tmp_path / "tiles.safetensors", spec)
    stylizer = stylezoo.load(path, device="cpu")
    assert stylizer.spec == spec
    torch.testing.assert_close(stylizer.stylize(photo), net.eval()(photo).detach())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"name": None},
            r"holds a net of the family johnson \(PyTorch.*\): name it --name johnson/..., not",
        ),
        ({"name": "cin/tiles"}, "name it --name johnson/..., not cin/tiles"),
        (
            {"name": "johnson/Große Welle"},
            "name: must be 'johnson/' and lowercase letters.*, not 'johnson/Große Welle'",
        ),
        ({"license": None}, r"made by others: .*--license"),
        ({"license": " "}, "license: must not be empty"),
        ({"rights": ""}, "rights: must not be empty"),
        ({"family": "adain"}, r"holds a net of the family johnson .*, not of adain: leave --family out"),
    ],
)
def test_what_is_missing_or_does_not_fit_is_named(options: dict[str, Any], message: str, pth: Path) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        import_weights(pth, **{"name": "johnson/tiles", "license": "BSD-3-Clause"} | options)
    assert "\n" not in str(caught.value)


# Files and runs of this package


@pytest.mark.parametrize("form", ["file", "run"])
def test_a_copy_keeps_the_record_and_the_bits(form: str, multi_file: Path, tmp_path: Path) -> None:
    path = multi_file
    if form == "run":
        path = tmp_path / "run"
        path.mkdir()
        shutil.copy(multi_file, path / "weights.safetensors")
    spec, net = import_weights(path)
    assert spec == read_header(multi_file)
    weights = load_file(multi_file)
    assert net.state_dict().keys() == weights.keys()
    assert all(torch.equal(value, weights[name]) for name, value in net.state_dict().items())
    other, _ = import_weights(path, name="cin/copy", license="MIT", family="cin", summary="A copy.")
    assert (other.name, other.license, other.summary, other.provenance) == ("cin/copy", "MIT", "A copy.", None)
    assert (other.styles, other.arch) == (spec.styles, spec.arch)


def test_the_rights_to_one_style_can_be_stated_later(net_file: Path, multi_file: Path) -> None:
    spec, _ = import_weights(net_file, rights="my own work", artist="I")
    (style,) = spec.styles
    assert (style.id, style.title, style.rights, style.artist) == ("dots", "Dots", "my own work", "I")
    with pytest.raises(OptionError, match=r"for each of its 3 styles: leave --title and --rights out"):
        import_weights(multi_file, rights="my own work", title="Mine")


def test_what_does_not_fit_a_file_of_this_package_is_named(
    net_file: Path, pth: Path, any_file: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=r"of the family johnson \(of this package\): name it --name johnson/"):
        import_weights(net_file, name="cin/dots")
    with pytest.raises(OptionError, match=r"of the family johnson \(of this package\), not of cin"):
        import_weights(net_file, family="cin")
    with pytest.raises(OptionError, match=r"--encoder is for AdaIN decoders of other"):
        import_weights(net_file, encoder=pth)
    card: StyleCard = stylezoo.load(any_file, device="cpu").card("dots")
    card.save(path := tmp_path / "dots.card.safetensors")
    with pytest.raises(WeightsError, match=r"dots\.card\.safetensors is a style card"):
        import_weights(path)
    save_file({"trunk.head.bias": torch.zeros(3)}, path := tmp_path / "bare.safetensors")
    with pytest.raises(WeightsError, match=r"of unknown layout, .*: its names are trunk.head.bias"):
        import_weights(path)

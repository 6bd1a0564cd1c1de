"""What users rely on in the bundled nets that take any picture as the style, on real pictures."""

from __future__ import annotations

from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from skimage import data

import stylezoo
from stylezoo.backbones import VGG
from stylezoo.evaluate.metrics import Picture, Scene
from stylezoo.evaluate.metrics.style import StyleError
from stylezoo.images.io import read
from stylezoo.models import CIN, Ghiasi
from stylezoo.runtime.tables import unpack
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.zoo.store import BUNDLED

MOSAIC = Path(__file__).parents[2] / "recipes" / "styles" / "mosaic.jpg"
STYLES = {
    "mosaic": np.asarray(Image.open(MOSAIC).convert("RGB")),
    "tissue": data.immunohistochemistry(),
    "galaxies": data.hubble_deep_field(),
    "coffee": data.coffee(),
}


@pytest.fixture(scope="module", params=["any", "adain/vgg19"])
def net(request: pytest.FixtureRequest) -> Stylizer:
    return stylezoo.load(request.param, device="cpu")


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.asarray(Image.fromarray(data.astronaut()).resize((192, 192)))


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Mean difference in 8-bit steps."""
    return float(np.abs(a.astype(float) - b).mean())


@pytest.mark.slow
def test_styles_are_told_apart_and_nearest_to_their_own(net: Stylizer, photo: np.ndarray) -> None:
    stylized = {name: net.stylize(photo, picture) for name, picture in STYLES.items()}
    for (a, x), (b, y) in combinations(stylized.items(), 2):
        assert apart(x, y) > 8, (a, b)
    metric = StyleError()
    for name in ("mosaic", "tissue"):
        small = Picture(read(Image.fromarray(STYLES[name]).resize((256, 256))).pixels)
        shown = {k: Picture(read(Image.fromarray(v)).pixels) for k, v in [*stylized.items(), ("photo", photo)]}
        error = {k: metric.measure(picture, Scene(shown["photo"], small)) or 0 for k, picture in shown.items()}
        assert min(error, key=error.__getitem__) == name, error


@pytest.mark.slow
def test_halfway_lies_between_two_styles(net: Stylizer, photo: np.ndarray) -> None:
    a, b = STYLES["mosaic"], STYLES["tissue"]
    first, half, second = (net.stylize(photo, [(a, 1 - k), (b, k)]) for k in (0, 0.5, 1))
    assert max(apart(first, half), apart(half, second)) < 0.85 * apart(first, second)
    assert np.array_equal(half, net.stylize(photo, [a, b]))
    assert np.array_equal(first, net.stylize(photo, a))


@pytest.mark.slow
def test_strength_leads_from_the_photo_to_the_style(net: Stylizer, photo: np.ndarray) -> None:
    code = net.encode_style(STYLES["mosaic"])
    line = [net.stylize(photo, code, strength=k / 4) for k in range(5)]
    assert np.array_equal(line[-1], net.stylize(photo, STYLES["mosaic"]))
    far = [apart(x, line[0]) for x in line]
    assert far == sorted(far)
    assert max(apart(x, y) for x, y in pairwise(line)) < 0.6 * far[-1]
    if net.net.gives_back:
        assert np.array_equal(line[0], photo)
    else:  # what its decoder makes of the photo
        assert np.corrcoef(line[0].ravel(), photo.ravel())[0, 1] > 0.7


@pytest.mark.slow
@pytest.mark.parametrize(
    "style",
    [
        np.full((40, 50, 3), 128, np.uint8),
        np.zeros((1, 300, 3), np.uint8),
        data.camera(),
        np.dstack([data.coffee()[::4, ::4], np.full((100, 150), 90, np.uint8)]),
        data.rocket()[:3, :2],
    ],
    ids=["flat", "line", "grey", "transparent", "tiny"],
)
def test_whatever_is_a_picture_is_a_style(net: Stylizer, photo: np.ndarray, style: np.ndarray) -> None:
    code = net.encode_style(style)
    assert torch.from_numpy(code.values).isfinite().all()
    stylized = net.stylize(photo.astype(np.float32) / 255, code)
    assert np.isfinite(stylized).all() and stylized.min() >= 0 and stylized.max() <= 1


@pytest.mark.slow
def test_a_picture_is_encoded_once_and_kept(net: Stylizer, photo: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "mosaic.card.safetensors"
    net.card(MOSAIC, id="mosaic", rights="CC0-1.0").save(path)
    assert path.stat().st_size < 16 * 1024
    other = stylezoo.load(net.spec.name, device="cpu").add_card(path)
    assert other.styles == (*net.styles, "mosaic")
    assert np.array_equal(other.stylize(photo, "mosaic"), net.stylize(photo, MOSAIC))
    mixed = other.stylize(photo, [("mosaic", 0.5), (STYLES["tissue"], 0.5)])
    assert np.array_equal(mixed, net.stylize(photo, [MOSAIC, STYLES["tissue"]]))


@pytest.mark.parametrize("name", ["ghiasi/lite", "ghiasi/lite-large"])
def test_a_net_that_predicts_needs_no_other_net(name: str, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VGG, "__init__", lambda *_, **__: pytest.fail("VGG is wanted"))
    assert stylezoo.load(name, device="cpu").stylize(photo, STYLES["coffee"]).std() > 15


def test_the_decoder_of_adain_travels_alone() -> None:
    spec = stylezoo.model_info("adain/vgg19")
    assert spec.weights and spec.weights.bundled
    weights = unpack(load_file(BUNDLED / spec.weights.file), spec.weights.file)
    assert {name.partition(".")[0] for name in weights} <= {"styles", "decoder"}
    assert sum(value.numel() for value in weights.values()) == 3_505_219


def test_a_predicted_row_stylizes_in_a_cin_net_as_it_does_here(photo: np.ndarray) -> None:
    net = stylezoo.load("any", device="cpu", backend="torch")
    assert isinstance(net.net, Ghiasi)
    code = torch.from_numpy(net.encode_style(STYLES["mosaic"]).values)
    cin = net.net.on_same_trunk(1).eval().to(memory_format=torch.channels_last)
    with torch.no_grad():
        cin.styles[0] = code[0]
    assert isinstance(cin, CIN) and not isinstance(cin, Ghiasi)
    x = read(photo).pixels
    with torch.inference_mode():
        assert torch.equal(cin(x, cin.named_code(0)), net.net(x, code))


@pytest.mark.slow
def test_large_pictures(photo: np.ndarray) -> None:
    large = stylezoo.load("any", device="cpu").stylize(photo[:40], MOSAIC, size=2304)
    assert large.shape == (480, 2304, 3)
    assert np.abs(large.mean(axis=(0, 1)) - large[:, :1152].mean(axis=(0, 1))).max() < 60
    assert large.std() > 15

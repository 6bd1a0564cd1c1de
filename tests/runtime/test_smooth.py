"""`smooth`: the mean of two runs, against the pattern of a net's strides, in both runtimes."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skimage import data

import stylezoo
from stylezoo.errors import OptionError
from stylezoo.evaluate.metrics.checkerboard import CheckerboardEnergy

PHOTO = data.chelsea()[40:200, 60:260]


def checkerboard(pixels: np.ndarray) -> float:
    planes = torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]
    found = CheckerboardEnergy().measure(SimpleNamespace(pixels=planes), None)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_the_pattern_of_the_strides_goes() -> None:
    net = stylezoo.load("johnson/starry_night-large", device="cpu")
    assert not net.spec.arch.get("antialiased")
    plain, smooth = net.stylize(PHOTO), net.stylize(PHOTO, smooth=True)
    assert smooth.shape == plain.shape
    assert checkerboard(smooth) < checkerboard(plain) - 5  # decibels
    assert np.abs(smooth.astype(int) - plain).mean() < 12  # it is the same picture


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("cin/16", "udnie"),
        ("cin/16-video", "udnie"),
        ("ghiasi/lite", "udnie"),
        ("johnson/great_wave", "great_wave"),
        ("johnson/woodcut", "woodcut"),
    ],
)
def test_antialiased_nets_have_no_pattern(name: str, style: str) -> None:
    net = stylezoo.load(name, device="cpu")
    assert net.spec.arch["antialiased"]
    assert checkerboard(net.stylize(PHOTO, style)) < 3  # decibels; nets that are not have 6 and more


def test_it_is_the_mean_of_two_runs() -> None:
    net = stylezoo.load("johnson/mosaic", device="cpu")
    grown = np.pad(PHOTO, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    expected = (net.stylize(PHOTO).astype(float) + net.stylize(grown)[2:-2, 2:-2]) / 2
    assert np.abs(net.stylize(PHOTO, smooth=True) - expected).max() <= 1


def test_both_runtimes_give_the_same_with_regions_and_strength() -> None:
    mask = np.zeros(PHOTO.shape[:2], np.uint8)
    mask[:, :90] = 255
    results = [
        stylezoo.load("cin/16", device="cpu", backend=backend).stylize(
            PHOTO, "udnie", mask={"starry_night": mask}, strength=0.7, smooth=True
        )
        for backend in ("onnx", "torch")
    ]
    assert np.abs(results[0].astype(int) - results[1]).max() <= 2


def test_what_tiles_still_tiles() -> None:
    net = stylezoo.load("cin/16", device="cpu")
    photo = np.tile(PHOTO[:64, :64], (1, 1, 1))
    rolled = np.roll(photo, (8, 12), (0, 1))
    one, two = (net.stylize(x, "starry_night", tileable=True, smooth=True) for x in (photo, rolled))
    assert np.abs(np.roll(one, (8, 12), (0, 1)).astype(int) - two).max() <= 1


def test_it_excludes_tiles_of_a_size() -> None:
    with pytest.raises(OptionError, match="tile=128"):
        stylezoo.load("johnson/mosaic", device="cpu").stylize(PHOTO, smooth=True, tile=128)


def test_a_model_without_strides_does_not_take_it() -> None:
    with pytest.raises(OptionError, match="leave smooth out"):
        stylezoo.load("gatys/vgg19", device="cpu").stylize(PHOTO[:64, :64], PHOTO[:64, :64], smooth=True, steps=1)

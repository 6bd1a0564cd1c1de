from __future__ import annotations

import statistics
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from stylezoo.backbones import create_backbone
from stylezoo.evaluate.quality import Protocol, evaluate
from stylezoo.stylizer import load

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return Protocol()


def picture(seed: int, height: int = 48, width: int = 64) -> torch.Tensor:
    """A picture with coarse and fine structure."""
    noise = torch.Generator().manual_seed(seed)
    coarse = functional.interpolate(torch.rand(1, 3, 6, 8, generator=noise), (height, width), mode="bilinear")
    return (0.8 * coarse + 0.2 * torch.rand(1, 3, height, width, generator=noise)).clamp(0, 1)


def test_the_photo_itself_has_content_error_0_and_the_style_itself_style_error_0(protocol: Protocol) -> None:
    photo, style = picture(1), picture(2, 80, 72)
    assert protocol.measure(photo, protocol.content(photo), protocol.grams(style))[0] == 0
    assert protocol.measure(style, protocol.content(style), protocol.grams(style)) == (0, 0)
    content, _ = protocol.measure(photo, protocol.content(picture(3)), protocol.grams(style))
    assert content > 0.3


def test_figures_are_those_of_the_formulas_in_double_precision(protocol: Protocol) -> None:
    output, photo, style = picture(1), picture(2), picture(3, 40, 56)
    convolutions = {
        name: (conv.weight.double(), conv.bias.double())
        for name, conv in create_backbone("vgg19:caffe", layers=["relu5_1"]).convs.items()
    }
    assert next(iter(convolutions)) == "relu1_1" and len(convolutions) == 13

    def features(x: torch.Tensor) -> dict[str, torch.Tensor]:
        """Every layer of the original VGG19: RGB in 0..255 less the mean, zero padding, pools between the blocks."""
        x = x.double() * 255 - torch.tensor([123.68, 116.779, 103.939], dtype=torch.float64).view(1, 3, 1, 1)
        found = {}
        for name, (weight, bias) in convolutions.items():
            if name.endswith("_1") and name != "relu1_1":
                x = functional.max_pool2d(x, 2)
            x = functional.conv2d(x, weight, bias, padding=1).clamp(min=0)
            found[name] = x
        return found

    def gram(x: torch.Tensor) -> np.ndarray:
        flat = x[0].flatten(1).numpy()
        return flat @ flat.T / flat.shape[1]

    painted, source, goal = features(output), features(photo), features(style)
    distance = (painted["relu4_2"] - source["relu4_2"]).square().sum() / source["relu4_2"].square().sum()
    errors = [
        np.linalg.norm(gram(painted[k]) - gram(goal[k])) ** 2 / np.linalg.norm(gram(goal[k])) ** 2 for k in LAYERS
    ]
    content, style_error = protocol.measure(output, protocol.content(photo), protocol.grams(style))
    assert content == pytest.approx(float(distance), rel=1e-3)
    assert style_error == pytest.approx(statistics.fmean(errors), rel=1e-3)


def test_evaluate_is_the_mean_over_photos_at_their_size(protocol: Protocol, net_file: Path, tmp_path: Path) -> None:
    stylizer, style = load(net_file, device="cpu"), picture(9)
    paths, pairs = [], []
    for seed, (width, height) in enumerate([(96, 64), (64, 80), (70, 70)]):
        path = tmp_path / f"{seed}.png"
        pixels = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC).save(path)
        paths.append(path)
        photo = Image.open(path)
        scale = 64 / max(photo.size)
        photo = photo.resize([round(side * scale) for side in photo.size], Image.Resampling.BICUBIC)
        x = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float() / 255
        pairs.append(protocol.measure(stylizer.stylize(x), protocol.content(x), protocol.grams(style)))
    seen: list[Path] = []

    def progress(photos):
        for path in photos:
            seen.append(path)
            yield path

    quality = evaluate(stylizer, paths, style_pictures={"dots": style}, size=64, progress=progress)["dots"]
    assert seen == paths
    assert quality.photos == 3
    content, errors = zip(*pairs, strict=True)
    assert quality.content == pytest.approx(statistics.fmean(content), rel=0.02)  # Pillow resizes in 8 bits
    assert quality.style == pytest.approx(statistics.fmean(errors), rel=0.02)
    assert quality.content_spread == pytest.approx(statistics.stdev(content), rel=0.1)
    assert quality.style_spread == pytest.approx(statistics.stdev(errors), rel=0.1)


def test_one_photo_has_no_spread(net_file: Path, tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "a.png")
    found = evaluate(load(net_file, device="cpu"), [tmp_path / "a.png"], style_pictures={"dots": picture(1)}, size=64)
    assert found["dots"].photos == 1
    assert found["dots"].content_spread == found["dots"].style_spread == 0
    assert found["dots"].content > 0


def test_no_photos_no_figures(net_file: Path) -> None:
    assert evaluate(load(net_file, device="cpu"), [], style_pictures={"dots": picture(1)}) == {}

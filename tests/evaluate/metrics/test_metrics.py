"""Every metric against an independent computation in float64, or a case with a known value."""

from __future__ import annotations

import math
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch.nn import functional

from stylezoo.backbones import create_backbone
from stylezoo.errors import OptionError
from stylezoo.evaluate.metrics import METRICS, Metric, Picture, Scene, create_metrics, shift_tolerant
from stylezoo.evaluate.metrics.checkerboard import CheckerboardEnergy
from stylezoo.evaluate.metrics.chroma import ChromaShare
from stylezoo.evaluate.metrics.clipped import ClippedPixels
from stylezoo.evaluate.metrics.content import ContentError
from stylezoo.evaluate.metrics.faces import FacesKept, share_kept
from stylezoo.evaluate.metrics.palette import PaletteDistance, directions
from stylezoo.evaluate.metrics.recognition import Recognition, equalized, likeness
from stylezoo.evaluate.metrics.stlpips import STLPIPS
from stylezoo.evaluate.metrics.style import StyleError
from stylezoo.evaluate.metrics.texture import TextureError

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
needs_stlpips = pytest.mark.skipif(find_spec("stlpips_pytorch") is None, reason="needs stlpips_pytorch")


def picture(seed: int, height: int = 48, width: int = 64) -> torch.Tensor:
    """A picture with coarse and fine structure."""
    noise = torch.Generator().manual_seed(seed)
    coarse = functional.interpolate(torch.rand(1, 3, 6, 8, generator=noise), (height, width), mode="bilinear")
    return (0.8 * coarse + 0.2 * torch.rand(1, 3, height, width, generator=noise)).clamp(0, 1)


def value(metric: Metric, result: torch.Tensor, content: torch.Tensor, style: torch.Tensor | None) -> float | None:
    return metric.measure(Picture(result), Scene(Picture(content), style if style is None else Picture(style)))


def lab(pixels: torch.Tensor) -> np.ndarray:
    """CIELAB of (1, 3, H, W) in float64, by the formulas of the CIE: (H * W, 3)."""
    rgb = pixels[0].flatten(1).numpy().astype(np.float64).T
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    ratio = linear @ np.array(to_xyz).T / [0.95047, 1, 1.08883]
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


@pytest.mark.slow
def test_content_and_style_errors_are_those_of_the_formulas_in_double_precision() -> None:
    result, content, style = picture(1), picture(2), picture(3, 40, 56)
    backbone = create_backbone("vgg19:caffe", layers=["relu5_1"])
    convolutions = {n: (conv.weight.double(), conv.bias.double()) for n, conv in backbone.convs.items()}

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

    own, target, goal = features(result), features(content), features(style)
    expected = float((own["relu4_2"] - target["relu4_2"]).square().sum() / target["relu4_2"].square().sum())
    assert value(ContentError(), result, content, style) == pytest.approx(expected, rel=1e-3)
    pairs = [(gram(own[layer]), gram(goal[layer])) for layer in LAYERS]
    expected = float(np.mean([((g - t) ** 2).sum() / (t**2).sum() for g, t in pairs]))
    assert value(StyleError(), result, content, style) == pytest.approx(expected, rel=1e-3)
    assert value(ContentError(), content, content, style) == 0 == value(StyleError(), style, content, style)


def test_the_palette_distance_is_the_mean_wasserstein_distance_along_the_directions() -> None:
    from scipy.stats import wasserstein_distance

    result, style = picture(1), picture(2, 40, 56)
    a, b = lab(result), lab(style)
    expected = np.mean([wasserstein_distance(a @ u, b @ u) for u in directions(64).numpy()])
    assert value(PaletteDistance(), result, result, style) == pytest.approx(expected, rel=5e-3)
    assert value(PaletteDistance(), result, result, None) is None


def test_colours_that_are_moved_are_half_as_far_and_their_order_does_not_count() -> None:
    grey, lighter = torch.full((1, 3, 8, 8), 0.2), torch.full((1, 3, 8, 8), 0.7)
    apart = float(np.linalg.norm(lab(grey)[0] - lab(lighter)[0]))
    assert value(PaletteDistance(), grey, grey, lighter) == pytest.approx(apart / 2, rel=0.02)
    colours = picture(4)
    assert value(PaletteDistance(), colours.flip(2, 3), grey, colours) == pytest.approx(0, abs=1e-4)
    u = directions(64).numpy()
    assert np.allclose(np.linalg.norm(u, axis=1), 1) and np.allclose(u.T @ u / 64, np.eye(3) / 3, atol=0.01)


def test_the_chroma_share_is_that_of_the_mean_distances_from_grey() -> None:
    result, style = picture(1), picture(2)
    expected = np.hypot(*lab(result)[:, 1:].T).mean() / np.hypot(*lab(style)[:, 1:].T).mean()
    metric = ChromaShare()
    assert value(metric, result, result, style) == pytest.approx(expected, rel=1e-4)
    grey = style.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert value(metric, grey, result, style) == pytest.approx(0, abs=1e-3)
    assert value(metric, result, result, grey) is None  # nothing has a share of no colour
    assert metric.pool([0.5, 2.0]) == pytest.approx(1)  # half and twice the chroma cancel


def test_clipped_pixels_are_counted_once_whatever_their_channels() -> None:
    x = torch.full((1, 3, 4, 5), 0.5)
    x[0, 0, 0, 0], x[0, :, 1, 1], x[0, 2, 2, 2] = 1, 0, 254 / 255
    assert value(ClippedPixels(), x, x, None) == pytest.approx(2 / 20)


def test_a_checkerboard_stands_out_and_noise_does_not() -> None:
    noise = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    metric = CheckerboardEnergy()
    none = value(metric, noise, noise, None)
    assert none == pytest.approx(0, abs=0.6)
    board = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(128, 128)
    period = torch.tensor([1.0, 0.0, -1.0, 0.0]).repeat(64).expand(256, 256)
    for pattern in (board, period):
        assert value(metric, (0.4 * noise + 0.3 + 0.1 * pattern).clamp(0, 1), noise, None) > 5
    assert value(metric, noise[..., :20], noise, None) is None


@pytest.mark.slow
@needs_stlpips
def test_the_texture_error_is_the_relative_gram_error_in_the_packages_vgg() -> None:
    result, style = picture(1, 80, 72), picture(2, 72, 80)
    net = shift_tolerant.network("vgg", torch.device("cpu"))

    def grams(x: torch.Tensor) -> list[np.ndarray]:
        shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
        normalized = (2 * x[0].permute(1, 2, 0).numpy() - 1 - shift) / scale
        maps = net.net(torch.from_numpy(normalized).permute(2, 0, 1)[None].float())
        flat = [f[0].flatten(1).double().numpy() for f in maps]
        return [f @ f.T / f.shape[1] for f in flat]

    errors = [((g - t) ** 2).sum() / (t**2).sum() for g, t in zip(grams(result), grams(style), strict=True)]
    assert len(errors) == 5
    assert value(TextureError(), result, result, style) == pytest.approx(np.mean(errors), rel=1e-3)
    assert value(TextureError(), style, result, style) == 0


@needs_stlpips
def test_a_picture_is_near_itself_and_its_shift_and_far_from_another() -> None:
    metric, x, other = STLPIPS(), picture(1, 72, 88), picture(2, 72, 88)
    far = value(metric, other, x, None)
    assert value(metric, x, x, None) == 0 < value(metric, x.roll(1, dims=3), x, None) < far / 2


@pytest.mark.slow
@needs_stlpips
def test_a_style_is_recognised_whatever_its_colours_and_contrast() -> None:
    noise = torch.rand(1, 1, 96, 96, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1)
    stripes = torch.linspace(0, 40, 96).sin().mul(0.5).add(0.5).expand(1, 3, 96, 96)
    gallery = {"noise": Picture(noise), "stripes": Picture(stripes)}
    tinted = stripes.flip(3) * torch.tensor([0.3, 0.1, 0.2]).view(3, 1, 1)
    metric = Recognition()
    for style, expected in (("stripes", 1), ("noise", 0)):
        scene = Scene(Picture(noise), gallery[style], style, gallery)
        assert metric.measure(Picture(tinted), scene) == expected
    assert metric.measure(Picture(tinted), Scene(Picture(noise), gallery["noise"], "noise", {})) is None


def test_likeness_is_a_mean_cosine_whatever_the_size_of_the_matrices() -> None:
    rng = np.random.default_rng(0)
    one, other = ([rng.normal(size=(1, n, n)) for n in (3, 5)] for _ in range(2))
    cosines = [(a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()) for a, b in zip(one, other, strict=True)]
    large = [torch.from_numpy(9 * b) for b in other]
    assert likeness([torch.from_numpy(a) for a in one], large) == pytest.approx(np.mean(cosines))
    assert likeness(large, large) == pytest.approx(1)


def test_equalized_greys_are_their_mean_ranks() -> None:
    x = torch.tensor([0.0, 0.2, 0.2, 1.0]).view(1, 1, 2, 2).expand(-1, 3, -1, -1)
    assert equalized(x)[0, 0].flatten().tolist() == pytest.approx([0.125, 0.5, 0.5, 0.875])


def test_faces_are_kept_where_boxes_overlap_by_half() -> None:
    faces = np.array([[0, 0, 10, 10], [20, 0, 30, 10]], dtype=float)
    near = np.array([[0, 0, 10, 8], [24, 0, 34, 10], [0, 1, 10, 10]], dtype=float)
    assert share_kept(faces, near) == 0.5  # the first face counts once, however many boxes it has
    assert share_kept(faces, np.zeros((0, 4))) == 0


def test_the_face_of_a_photo_is_found_and_of_a_photo_without_one_nothing_is_said() -> None:
    import skimage.data

    astronaut = torch.from_numpy(skimage.data.astronaut()[:256, 80:336].copy()).permute(2, 0, 1)[None] / 255
    metric = FacesKept()
    assert value(metric, astronaut, astronaut, None) == 1
    assert value(metric, torch.full_like(astronaut, 0.5), astronaut, None) == 0
    assert value(metric, astronaut, torch.full_like(astronaut, 0.5), None) is None


def test_every_metric_describes_itself() -> None:
    assert len({metric.key for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.__doc__ and metric.note.startswith(f"{metric.key} is") and metric.better in metric.info().better


def test_a_missing_package_costs_its_metrics_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shift_tolerant, "find_spec", lambda name: None)
    shift_tolerant.network.cache_clear()
    lines: list[str] = []
    made = create_metrics(skipped=lines.append)
    assert {metric.key for metric in made} == {"C", "S", "P", "K", "F", "checker", "clipped"}
    assert len(lines) == 3 and all("pip install 'stylezoo[eval]'" in line for line in lines)
    with pytest.raises(OptionError, match=r"T \(texture error\)"):
        create_metrics(["T"], skipped=lines.append)
    with pytest.raises(OptionError, match="'X'"):
        create_metrics(["X"])


def test_what_metrics_share_is_computed_once() -> None:
    calls: list[int] = []
    shown = Picture(torch.zeros(1, 3, 2, 2))
    for _ in range(2):
        assert shown.once("key", lambda x: calls.append(1) or math.prod(x.shape)) == 12
    assert calls == [1]

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rendering import render
from skimage import data
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from stylezoo.errors import ImageError, OptionError, StyleError
from stylezoo.images.color import match_stats
from stylezoo.images.resize import resize
from stylezoo.images.sizes import STYLE_SIZE
from stylezoo.runtime.base import StyleCode
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer

PAINTING, OTHER = data.astronaut()[:384], np.ascontiguousarray(data.coffee()[:200, :300])
PHOTO = np.ascontiguousarray(data.chelsea()[:240:6, :240:6])


@pytest.fixture
def net(any_file: Path) -> Stylizer:
    """A net that takes any picture and knows "dots" and "lines"."""
    return load(any_file, device="cpu")


@pytest.fixture
def multi(multi_file: Path) -> Stylizer:
    return load(multi_file, device="cpu")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with painting.png and other.png."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PAINTING).save("painting.png")
    Image.fromarray(OTHER).save("other.png")
    return tmp_path


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.tensor(array).permute(2, 0, 1)[None].float() / 255


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b).mean())


def close(a: StyleCode, b: StyleCode) -> bool:
    return torch.allclose(torch.from_numpy(a.values), torch.from_numpy(b.values), atol=1e-4)


# Pictures


@pytest.mark.slow
def test_a_style_may_come_as_any_picture(net: Stylizer, here: Path) -> None:
    size = (288, STYLE_SIZE)  # 384x512 px with a long side of 384
    expected = StyleCode(net.net.encode(resize(tensor(PAINTING), size)))
    encoded = Path("painting.png").read_bytes()
    picture = Image.fromarray(PAINTING)
    for style in ("painting.png", here / "painting.png", encoded, picture, PAINTING, tensor(PAINTING)[0]):
        assert close(net.encode_style(style), expected)
    stylized = net.stylize(PHOTO, "painting.png")
    assert apart(stylized, net.stylize(PHOTO, "other.png")) > 5
    assert np.array_equal(net.stylize(PHOTO, net.encode_style(PAINTING)), stylized)
    assert np.array_equal(next(net.stylize_batch([PHOTO], picture)), stylized)


@pytest.mark.slow
def test_style_size_is_the_long_side_at_which_a_picture_is_read(net: Stylizer) -> None:
    large = np.asarray(Image.fromarray(PAINTING).resize((1024, 768), Image.Resampling.BICUBIC))
    for size in (96, 600):
        shape = (size * 3 // 4, size)
        assert close(
            net.encode_style(PAINTING, style_size=size), StyleCode(net.net.encode(resize(tensor(PAINTING), shape)))
        )
    assert close(net.encode_style(large, style_size=None), StyleCode(net.net.encode(tensor(large))))
    twice = (
        (torch.from_numpy(net.encode_style(large).values) - torch.from_numpy(net.encode_style(PAINTING).values))
        .abs()
        .mean()
    )
    own = (
        (
            torch.from_numpy(net.encode_style(large, style_size=None).values)
            - torch.from_numpy(net.encode_style(PAINTING).values)
        )
        .abs()
        .mean()
    )
    assert twice < own / 4
    fine, coarse = (net.stylize(PHOTO, PAINTING, style_size=size) for size in (64, 700))
    assert apart(fine, coarse) > 1
    assert np.array_equal(next(net.stylize_batch([PHOTO], PAINTING, style_size=64)), fine)


@pytest.mark.parametrize("size", [15, 4097, 0, -1, 300.5, "300"])
def test_bad_style_size(net: Stylizer, size) -> None:
    with pytest.raises(OptionError, match=r"style_size must be the long side .* from 16 to 4096, or None, not"):
        net.encode_style(PAINTING, style_size=size)


def test_a_picture_too_large_for_its_own_size_needs_another(net: Stylizer) -> None:
    wide = Image.new("RGB", (5000, 2), "red")
    assert torch.isfinite(torch.from_numpy(net.encode_style(wide).values)).all()
    with pytest.raises(OptionError, match="5000x2 px: set style_size, at most 4096"):
        net.encode_style(wide, style_size=None)


@pytest.mark.slow
def test_a_huge_picture_is_never_there_in_float(net: Stylizer) -> None:
    """At 12000x9000 px that alone is 1.3 GB, and with alpha several times as much."""
    alpha = np.full(PAINTING.shape[:2], 255, np.uint8)
    alpha[:, :200] = 60
    huge = np.asarray(Image.fromarray(np.dstack([PAINTING, alpha])).resize((4096, 3072), Image.Resampling.BICUBIC))
    plain = huge.astype(np.float64) / 255
    white = torch.from_numpy(plain[..., :3] * plain[..., 3:] + 1 - plain[..., 3:]).permute(2, 0, 1)[None].float()
    with Largest() as largest:
        code = net.encode_style(huge)
    assert close(code, StyleCode(net.net.encode(resize(white, (288, 384)))))
    assert largest.bytes < white.nbytes / 2


class Largest(TorchDispatchMode):
    """Notes how large the largest tensor is that is computed inside the block."""

    bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.bytes = max([self.bytes, *(t.nbytes for t in tree_leaves(result) if isinstance(t, torch.Tensor))])
        return result


def test_what_is_transparent_in_a_style_is_white(net: Stylizer) -> None:
    alpha = np.zeros(PAINTING.shape[:2], np.uint8)
    alpha[:, :200] = 255
    see_through = np.dstack([PAINTING, alpha])
    white = np.where(alpha[..., None] > 0, PAINTING, np.uint8(255))
    assert close(net.encode_style(see_through), net.encode_style(white))
    assert not close(net.encode_style(see_through), net.encode_style(PAINTING))


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (3, 5), (2000, 30)])
@pytest.mark.parametrize("kind", ["flat", "grey", "grey16", "alpha", "clear"])
def test_odd_pictures_make_styles(net: Stylizer, size, kind: str) -> None:
    level = np.linspace(0, 1, size[0] * size[1]).reshape(size)
    picture = {
        "flat": Image.new("RGB", size, (200, 30, 90)),
        "grey": Image.fromarray((level * 255).astype(np.uint8)),
        "grey16": Image.fromarray((level * 65535).astype(np.uint16)),
        "alpha": Image.new("RGBA", size, (200, 30, 90, 100)),
        "clear": Image.new("LA", size, (0, 0)),
    }[kind]
    file = io.BytesIO()
    picture.save(file, "png")
    for options in ({}, {"style_size": None}):
        assert torch.isfinite(torch.from_numpy(net.encode_style(file.getvalue(), **options).values)).all()
    stylized = net.stylize(PHOTO, picture, preserve_color="stats")
    assert stylized.shape == PHOTO.shape


def test_a_known_name_comes_before_a_path(net: Stylizer, here: Path) -> None:
    Image.fromarray(PAINTING).save("dots", "png")
    assert close(net.encode_style("dots"), net.encode_style(0))
    for path in ("./dots", Path("dots")):
        assert close(net.encode_style(path), net.encode_style("painting.png"))


@pytest.mark.parametrize(
    ("style", "error", "message"),
    [
        ("dotz", StyleError, r"'dotz' is neither .* of ghiasi/tiny\. Did you mean dots\?"),
        ("no.png", StyleError, r"'no\.png' is neither .* of ghiasi/tiny"),
        (Path("no.png"), ImageError, r"no\.png does not exist"),
        (".", ImageError, "is a folder"),
        ("", StyleError, "'' is neither"),
        (Path("mine.card.safetensors"), StyleError, "mine.card.safetensors is a style card"),
        ("https://example.org/wave.jpg", ImageError, "is a URL: download it first"),
        (b"no picture", ImageError, "picture of 10 bytes"),
        (torch.rand(2, 3, 20, 20), StyleError, "a style is one picture, but tensor .* has 2"),
        (torch.rand(3, 20, 20) * 9, ImageError, "outside"),
        (None, StyleError, r"needs a style \(--style\): give a picture, or name one of dots, lines"),
        (2, StyleError, "no style number 2"),
        (True, StyleError, "as picture, name, number or mix .*, not bool"),
        (0.5, StyleError, "not float"),
        ([], StyleError, "an empty mix"),
        ([PAINTING, "dotz"], StyleError, "'dotz' is neither"),
        ([(PAINTING, "much")], StyleError, "must be numbers .*, not 'much'"),
        ([(PAINTING, True)], StyleError, "must be numbers .*, not True"),
        ([("dots",), "lines"], StyleError, r"styles or \(style, weight\) pairs, not tuples of 1"),
        ([("dots", 1), ("lines", -1)], StyleError, "must sum to more than 0, not 0"),
        (StyleCode(torch.ones(1, 3)), StyleError, "ghiasi/tiny: the style code of 3 numbers is from another model"),
        ([StyleCode(torch.ones(2, 68)), "dots"], StyleError, "the style code of 136 numbers is from another model"),
    ],
)
def test_styles_that_there_are_not(net: Stylizer, here: Path, style, error, message: str) -> None:
    with pytest.raises(error, match=message):
        net.stylize(PHOTO, style)


def test_a_picture_for_a_net_of_its_own_styles_points_to_one_of_any(
    multi: Stylizer, net_file: Path, here: Path
) -> None:
    for stylizer in (multi, load(net_file, device="cpu")):
        for style in (PAINTING, "painting.png", Path("painting.png"), ["dots", Image.fromarray(PAINTING)]):
            with pytest.raises(StyleError, match=r"takes no style image, only its styles \(dots.*such as 'any'"):
                stylizer.encode_style(style)
    with pytest.raises(StyleError, match=r"no style 'paintin\.png'"):
        multi.encode_style("paintin.png")


# Mixes


def test_pictures_names_and_codes_mix(net: Stylizer, here: Path) -> None:
    a, b, dots = (net.encode_style(style) for style in ("painting.png", "other.png", "dots"))
    image = Image.fromarray(PAINTING)  # cannot be the key of a mapping
    assert close(net.encode_style({"painting.png": 3, "other.png": 1}), 0.75 * a + 0.25 * b)
    assert close(net.encode_style([(image, 3), ("other.png", 1)]), 0.75 * a + 0.25 * b)
    assert close(net.encode_style(["painting.png", "other.png"]), 0.5 * a + 0.5 * b)
    assert close(net.encode_style((image, b, "dots", 0)), 0.25 * a + 0.25 * b + 0.5 * dots)
    assert close(net.encode_style([(a, 0.5), ({"dots": 1, "other.png": 1}, 0.5)]), 0.5 * a + 0.25 * dots + 0.25 * b)
    assert close(net.encode_style([(image, 1.5), ("dots", -0.5)]), 1.5 * a + -0.5 * dots)
    stylized = net.stylize(PHOTO, [image, "dots"])
    assert np.array_equal(stylized, net.stylize(PHOTO, 0.5 * a + 0.5 * dots))


def test_lists_and_numpys_numbers_mix_the_styles_of_any_net(multi: Stylizer) -> None:
    expected = multi.encode_style({"dots": 0.75, "waves": 0.25})
    weights = np.array([3, 1], np.float32)
    assert close(multi.encode_style(dict(zip(["dots", "waves"], weights, strict=True))), expected)
    assert close(multi.encode_style([(np.int64(0), weights[0]), (np.int64(2), np.int64(1))]), expected)
    assert close(multi.encode_style([["dots", 3], ["waves", 1]]), expected)
    assert close(multi.encode_style(["dots", "dots", 0, "waves"]), expected)
    assert close(multi.encode_style(np.int64(-1)), multi.encode_style("waves"))


def test_a_code_serves_the_net_in_another_precision(net: Stylizer) -> None:
    code = net.encode_style(PAINTING)
    net.to(dtype=torch.float64)
    assert torch.from_numpy(net.encode_style([code, "dots"]).values).dtype == torch.float64
    assert apart(net.stylize(PHOTO, code), net.to(dtype=torch.float32).stylize(PHOTO, code)) < 1


# Colour


def test_stats_move_a_pictures_colours_to_the_photos_before_it_is_encoded(net: Stylizer) -> None:
    photo = tensor(PHOTO)
    seen = match_stats(resize(tensor(PAINTING), (288, 384)), photo)
    expected = render(net.net, photo, StyleCode(net.net.encode(seen)), strength=0.8)
    stylized = net.stylize(photo, PAINTING, preserve_color="stats", strength=0.8, palette=0)
    assert torch.allclose(stylized, expected, atol=1e-3)
    assert (stylized - net.stylize(photo, PAINTING, strength=0.8, palette=0)).abs().mean() > 0.01
    assert close(net.encode_style(PAINTING, photo=PHOTO), StyleCode(net.net.encode(seen)))
    with pytest.raises(OptionError, match="photo must be one picture, not 2"):
        net.encode_style(PAINTING, photo=torch.rand(2, 3, 8, 8))


def test_stats_move_named_styles_codes_and_mixes_after_painting(net: Stylizer) -> None:
    photo = tensor(PHOTO)
    code = net.encode_style(PAINTING)
    for style in ("dots", code, ["dots", code]):
        expected = render(net.net, photo, net.encode_style(style), preserve_color="stats")
        assert torch.allclose(net.stylize(photo, style, preserve_color="stats"), expected, atol=1e-3)
    mix = net.encode_style([PAINTING, "dots"], photo=photo)
    expected = render(net.net, photo, mix, preserve_color="stats")
    assert torch.allclose(net.stylize(photo, [PAINTING, "dots"], preserve_color="stats"), expected, atol=1e-3)


def test_stats_go_by_each_photo_of_a_batch(net: Stylizer) -> None:
    photos = [PHOTO, np.ascontiguousarray(PHOTO[::-1, :, ::-1]), 255 - PHOTO]
    batch = list(net.stylize_batch(photos, PAINTING, preserve_color="stats"))
    whole = net.stylize(torch.cat([tensor(photo) for photo in photos]), PAINTING, preserve_color="stats")
    for photo, stylized, same in zip(photos, batch, whole, strict=True):
        assert np.array_equal(stylized, net.stylize(photo, PAINTING, preserve_color="stats"))
        assert apart(same.permute(1, 2, 0).numpy() * 255, stylized) < 1


def test_luma_keeps_the_photos_hues_whatever_the_style(net: Stylizer) -> None:
    stylized = net.stylize(PHOTO, PAINTING, preserve_color="luma")
    expected = net.stylize(PHOTO, net.encode_style(PAINTING), preserve_color="luma")
    assert np.array_equal(stylized, expected)


def test_a_picture_is_encoded_once_for_many_photos(net: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    runtime, encode = net.runtime, net.runtime.encode
    monkeypatch.setattr(runtime, "encode", lambda picture: seen.append(tuple(picture.shape)) or encode(picture))
    list(net.stylize_batch([PHOTO, PHOTO[:20], PHOTO], PAINTING, preserve_color="luma"))
    assert seen == [(1, 3, 288, 384)]


# Masks


def test_pictures_stylize_regions(net: Stylizer, here: Path) -> None:
    left = np.zeros(PHOTO.shape[:2], bool)
    left[:, :20] = True
    pairs = [(Image.fromarray(PAINTING), left), (["other.png", "dots"], ~left)]
    stylized = net.stylize(PHOTO, mask=pairs)
    codes = [net.encode_style("painting.png"), net.encode_style(["other.png", "dots"])]
    assert np.array_equal(stylized, net.stylize(PHOTO, mask=list(zip(codes, (left, ~left), strict=True))))
    alone = net.stylize(PHOTO, mask={"painting.png": left})
    assert np.array_equal(alone[:, 20:], PHOTO[:, 20:])
    assert apart(alone[:, :20], PHOTO[:, :20]) > 5
    kept = net.stylize(PHOTO, mask={"painting.png": left}, preserve_color="stats")
    assert np.array_equal(kept[:, 20:], PHOTO[:, 20:])
    assert apart(kept[:, :20], alone[:, :20]) > 1


def test_a_mask_may_be_of_booleans_or_a_plane(multi: Stylizer) -> None:
    half = np.zeros(PHOTO.shape[:2], bool)
    half[:, :20] = True
    expected = multi.stylize(PHOTO, "dots", mask=half.astype(np.uint8) * 255)
    plane = torch.from_numpy(half)
    for mask in (half, plane, plane[None], plane.float(), plane.to(torch.uint8) * 255, half[..., None]):
        assert np.array_equal(multi.stylize(PHOTO, "dots", mask=mask), expected)

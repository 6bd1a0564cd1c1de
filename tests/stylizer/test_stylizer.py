from __future__ import annotations

import io
import shutil
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import structs
from PIL import Image

import stylezoo
from stylezoo.errors import ImageError, ModelNotFoundError, OptionError, StyleError, WeightsError
from stylezoo.models import CIN
from stylezoo.runtime.base import StyleCode
from stylezoo.stylizer import loading as module
from stylezoo.stylizer.card import StyleCard
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.zoo import catalog
from stylezoo.zoo.layout import parse_zoo
from stylezoo.zoo.spec import Zoo

SPECS = [stylezoo.model_info(name) for name in stylezoo.list_models()]
BUNDLED = [spec.name for spec in SPECS if spec.weights and spec.weights.bundled]


@pytest.fixture
def tiny(net_file: Path) -> Stylizer:
    return load(net_file, device="cpu")


@pytest.fixture
def multi(multi_file: Path) -> Stylizer:
    return load(multi_file, device="cpu")


@pytest.fixture
def zoo(net_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Zoo:
    """A registry of johnson/tiny alone, alias "tiny", its weights bundled."""
    from stylezoo._files import sha256_of
    from stylezoo.zoo import store

    (tmp_path / "bundled" / "johnson").mkdir(parents=True)
    bundled = shutil.copy(net_file, tmp_path / "bundled" / "johnson" / "tiny.safetensors")
    weights = {"file": "johnson/tiny.safetensors", "sha256": sha256_of(bundled), "bytes": Path(bundled).stat().st_size}
    model = {
        "family": "johnson",
        "arch": {"width": 8, "blocks": 1},
        "styles": ["dots"],
        "license": "CC0-1.0",
        "provenance": "handmade",
        "story": "drawn by a test",
        "weights": weights | {"dtype": "float32", "bundled": True},
    }
    facts = {
        "rights": {"cc0": "CC0-1.0"},
        "artworks": {"dots": {"title": "Dots", "rights": "cc0", "source": "a test"}},
    }
    registry = parse_zoo(
        {"schema": 1, "aliases": {"tiny": "johnson/tiny"}, **facts, "models": {"johnson/tiny": model}}, "zoo"
    )
    monkeypatch.setattr(catalog, "default_zoo", lambda: registry)
    monkeypatch.setattr(store, "BUNDLED", tmp_path / "bundled")
    return registry


def pixels(height: int = 30, width: int = 41, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (height, width, channels), np.uint8)


def as_path(array: np.ndarray, folder: Path) -> Path:
    path = folder / "photo.png"
    Image.fromarray(array).save(path)
    return path


def as_bytes(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "png")
    return file.getvalue()


def as_tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array).permute(2, 0, 1)


def test_what_comes_in_comes_out(tiny: Stylizer, tmp_path: Path) -> None:
    photo = pixels()
    stylized = tiny.stylize(photo)
    assert stylized.shape == photo.shape
    assert stylized.dtype == np.uint8
    assert np.abs(stylized.astype(int) - photo).mean() > 5

    picture = tiny.stylize(Image.fromarray(photo))
    assert isinstance(picture, Image.Image)
    assert np.array_equal(np.asarray(picture), stylized)

    for path in (as_path(photo, tmp_path), str(as_path(photo, tmp_path))):
        picture = tiny.stylize(path)
        assert isinstance(picture, Image.Image)
        assert np.array_equal(np.asarray(picture), stylized)

    data = tiny.stylize(as_bytes(photo))
    assert isinstance(data, bytes)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == "PNG"
        assert np.array_equal(np.asarray(picture), stylized)

    tensor = tiny.stylize(as_tensor(photo))
    assert tensor.dtype == torch.uint8
    assert np.array_equal(tensor.permute(1, 2, 0).numpy(), stylized)

    floats = tiny.stylize(photo.astype(np.float64) / 255)
    assert floats.dtype == np.float64
    assert np.abs(floats * 255 - stylized).max() <= 0.51

    batch = tiny.stylize(as_tensor(photo)[None].repeat(2, 1, 1, 1).half() / 255)
    assert (batch.shape, batch.dtype) == ((2, 3, 30, 41), torch.float16)
    assert torch.equal(batch[0], batch[1])


def test_results_can_be_used_in_training(tiny: Stylizer) -> None:
    stylized = tiny.stylize(torch.rand(3, 20, 20))
    weight = torch.ones((), requires_grad=True)
    (stylized * weight).sum().backward()
    assert weight.grad is not None


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (7, 13), (16, 16), (33, 129)])
def test_any_size(tiny: Stylizer, size: tuple[int, int]) -> None:
    assert tiny.stylize(pixels(*size)).shape == (*size, 3)
    assert tiny.stylize(Image.fromarray(pixels(*size))).size == size[::-1]


def test_alpha_is_kept(tiny: Stylizer) -> None:
    photo = pixels(channels=4)
    photo[..., 3] |= 1  # what alpha hides is another matter: tests/images/test_alpha.py
    stylized = tiny.stylize(photo)
    assert stylized.shape == photo.shape
    assert np.array_equal(stylized[..., 3], photo[..., 3])
    assert np.array_equal(stylized[..., :3], tiny.stylize(np.ascontiguousarray(photo[..., :3])))
    picture = tiny.stylize(Image.fromarray(photo, "RGBA"))
    assert picture.mode == "RGBA"
    assert np.array_equal(np.asarray(picture)[..., 3], photo[..., 3])


@pytest.mark.parametrize("channels", [3, 4])
def test_strength_0_is_the_photo_to_the_bit(tiny: Stylizer, channels: int) -> None:
    photo = pixels(channels=channels)
    assert np.array_equal(tiny.stylize(photo, strength=0), photo)
    assert np.array_equal(tiny.stylize(photo, strength=0, preserve_color="stats"), photo)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_large_pictures_of_every_kind_look_as_they_do_at_1024_px(tiny: Stylizer, channels: int, dtype) -> None:
    levels = np.asarray(Image.fromarray(pixels(31, 43, 4)).resize((1163, 701)))[..., :channels]  # odd sizes
    photo = (levels / 255).astype(dtype) if dtype == np.float32 else levels.astype(dtype) * (np.iinfo(dtype).max // 255)
    stylized = tiny.stylize(photo)
    assert stylized.shape == (701, 1163, max(3, channels)) and stylized.dtype == dtype
    if channels == 4:
        assert np.array_equal(stylized[..., 3], photo[..., 3])
    shown, preview = (
        np.asarray(
            Image.fromarray(
                (x[..., :3] / (1 if dtype == np.float32 else np.iinfo(dtype).max) * 255).astype(np.uint8)
            ).resize((291, 175))
        )
        for x in (stylized, tiny.stylize(photo, size=1024))
    )
    assert np.abs(shown.astype(int) - preview).mean() < 3


def test_large_pictures_of_a_batch_and_frames_are_what_they_are_alone(tiny: Stylizer) -> None:
    photo = np.asarray(Image.fromarray(pixels()).resize((1100, 600)))
    alone = tiny.stylize(photo)
    for stylized in (*tiny.stylize_batch([photo, photo]), *tiny.stylize_frames([photo, photo])):
        assert np.abs(stylized.astype(int) - alone).max() <= 1


def test_options_reach_the_pipeline(tiny: Stylizer) -> None:
    photo = pixels()
    assert tiny.stylize(photo, size=82).shape == (60, 82, 3)
    half, full = tiny.stylize(photo, strength=0.5), tiny.stylize(photo)
    assert np.abs(half - (photo.astype(float) + full) / 2).max() <= 1
    assert not np.array_equal(tiny.stylize(photo, preserve_color="luma"), full)


@pytest.mark.parametrize("options", [{"strength": 4}, {"size": 0}, {"stroke": 0}, {"preserve_color": "hue"}])
def test_bad_options_are_refused_before_the_picture_is_read(tiny: Stylizer, options) -> None:
    with pytest.raises(OptionError, match=next(iter(options))):
        tiny.stylize("missing.png", **options)


def test_a_picture_that_is_none(tiny: Stylizer) -> None:
    with pytest.raises(ImageError, match=r"missing\.png"):
        tiny.stylize("missing.png")


@pytest.mark.slow
def test_tiles_stylize_what_comes_in_as_the_whole_does(tiny: Stylizer, tmp_path: Path) -> None:
    photo = pixels(70, 101)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    whole = tiny.stylize(photo, tile=None).astype(int)
    assert np.abs(whole - photo).mean() > 3
    for image in (photo, Image.fromarray(photo), tmp_path / "photo.png", torch.from_numpy(photo).permute(2, 0, 1)):
        stylized = tiny.stylize(image, tile=32)
        levels = stylized.permute(1, 2, 0).numpy() if isinstance(stylized, torch.Tensor) else np.asarray(stylized)
        assert levels.dtype == np.uint8 and np.abs(levels.astype(int) - whole).max() <= 1
    floats = tiny.stylize(photo / np.float32(255), tile=32)
    assert floats.dtype == np.float32
    np.testing.assert_allclose(floats, tiny.stylize(photo / np.float32(255), tile=None), atol=1e-4)
    alpha = np.dstack([photo, pixels(70, 101, 1) | 1])
    stylized = tiny.stylize(alpha, tile=32)
    assert np.array_equal(stylized[..., 3], alpha[..., 3]) and np.abs(stylized[..., :3].astype(int) - whole).max() <= 1
    for stylized in tiny.stylize_batch([photo, photo, Image.fromarray(photo)], tile=32):
        assert np.abs(np.asarray(stylized).astype(int) - whole).max() <= 1


def test_a_style_in_the_palette_of_a_photo_in_tiles(any_file: Path) -> None:
    model, photo, picture = load(any_file, device="cpu"), pixels(60, 90), pixels(64, 64) // 2
    options = {"preserve_color": "stats", "style_size": None}
    whole = model.stylize(photo, picture, tile=None, **options).astype(int)
    assert np.abs(model.stylize(photo, picture, tile=32, **options).astype(int) - whole).max() <= 1
    assert np.abs(model.stylize(photo, picture, tile=32, style_size=None).astype(int) - whole).max() > 1


@pytest.mark.parametrize("batch_size", [1, 2, 3, 8])
def test_a_batch_is_what_its_pictures_are_one_by_one(tiny: Stylizer, batch_size: int, tmp_path: Path) -> None:
    a, b = pixels(20, 30), pixels(25, 18, 4)
    images = [a, 255 - a, as_tensor(a), Image.fromarray(b), b, as_path(a, tmp_path), a // 2, torch.rand(2, 3, 20, 30)]
    results = list(tiny.stylize_batch(images, batch_size=batch_size, strength=0.8))
    assert len(results) == len(images)
    for image, result in zip(images, results, strict=True):
        alone = tiny.stylize(image, strength=0.8)
        assert type(result) is type(alone)
        ours, theirs = (x.numpy() if isinstance(x, torch.Tensor) else np.array(x) for x in (result, alone))
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        step = 1 if ours.dtype == np.uint8 else 1e-5  # a batch may round the last bit the other way
        assert np.abs(ours.astype(float) - theirs).max() <= step


def test_a_batch_is_read_as_it_is_needed(tiny: Stylizer) -> None:
    endless = (np.full((16, 16, 3), n % 256, np.uint8) for n in count())
    first = list(islice(tiny.stylize_batch(endless, batch_size=2), 5))
    assert len(first) == 5
    assert next(endless).max() < 10
    assert list(tiny.stylize_batch([])) == []


def test_bad_batches(tiny: Stylizer) -> None:
    with pytest.raises(OptionError, match="batch_size must be at least 1, not 0"):
        next(tiny.stylize_batch([pixels()], batch_size=0))
    with pytest.raises(OptionError, match="strength"):
        next(tiny.stylize_batch([pixels()], strength=9))
    with pytest.raises(StyleError, match="stripes"):
        next(tiny.stylize_batch([pixels()], "stripes"))


def test_styles_by_every_way_to_name_them(tiny: Stylizer) -> None:
    assert (tiny.kind, tiny.styles) == ("single", ("dots",))
    code = tiny.encode_style()
    for style in ("dots", 0, -1, {"dots": 1.0}, {"dots": 0.25, 0: 0.75}, {"dots": 2}, {"dots": 0.1}):
        assert torch.allclose(torch.from_numpy(tiny.encode_style(style).values), torch.from_numpy(code.values))
    photo = pixels()
    assert np.array_equal(tiny.stylize(photo, code), tiny.stylize(photo))
    assert not np.array_equal(tiny.stylize(photo, code * 2), tiny.stylize(photo))


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ("dot", r"johnson/tiny has no style 'dot'\. Did you mean dots\?"),
        ("stripes", r"johnson/tiny has no style 'stripes': it has dots\."),
        ("", r"has no style ''"),
        ("starry_night", r"Models that have it: cin/16, .*"),
        (1, r"no style number 1: it has 1 \(dots\)"),
        (-2, "no style number -2"),
        (True, "johnson/tiny .*not bool"),
        (0.5, "not float"),
        ({}, "an empty mix of styles"),
        ({"stripes": 1.0}, "no style 'stripes'"),
        ({"dots": "much"}, "must be numbers .*, not 'much'"),
        ({"dots": float("nan")}, "must be numbers .*, not nan"),
        ({"dots": None}, "must be numbers .*, not None"),
        ({"dots": 0}, "must sum to more than 0, not 0"),
        ({"dots": -2.5}, "must sum to more than 0, not -2.5"),
        (StyleCode(torch.ones(1, 3)), "johnson/tiny: the style code of 3 numbers is from another model"),
    ],
)
def test_styles_that_there_are_not(tiny: Stylizer, style, message: str) -> None:
    with pytest.raises(StyleError, match=message):
        tiny.encode_style(style)


def test_saved_and_loaded_it_stylizes_the_same(tiny: Stylizer, tmp_path: Path) -> None:
    photo = pixels()
    tiny.save(tmp_path / "run" / "weights.safetensors")
    for name in (tmp_path / "run", tmp_path / "run" / "weights.safetensors", str(tmp_path / "run")):
        again = load(name, device="cpu")
        assert again.spec == tiny.spec
        assert np.array_equal(again.stylize(photo), tiny.stylize(photo))
    tiny.save(tmp_path / "half.safetensors", torch.float16)
    half = load(tmp_path / "half.safetensors", device="cpu")
    assert half.dtype == "float32"
    assert np.abs(half.stylize(photo).astype(int) - tiny.stylize(photo)).max() <= 2
    with pytest.raises(OptionError, match=r"\.safetensors, not 'net.pt'"):
        tiny.save(tmp_path / "net.pt")


@pytest.mark.parametrize("dtype", ["float16", torch.bfloat16, torch.float64, "float32"])
def test_computing_in_another_dtype(net_file: Path, tiny: Stylizer, dtype) -> None:
    other = load(net_file, device="cpu", dtype=dtype)
    assert other.dtype == str(dtype).removeprefix("torch.")
    photo = torch.rand(3, 24, 40, generator=torch.Generator().manual_seed(0))
    assert other.stylize(photo).dtype == torch.float32
    assert (other.stylize(photo) - tiny.stylize(photo)).abs().max() < 0.05


def test_to_moves_the_net_in_place(net_file: Path) -> None:
    stylizer = load(net_file, device="cpu")
    assert stylizer.to("cpu", "float64") is stylizer
    assert (stylizer.device.type, stylizer.dtype) == ("cpu", "float64")
    assert "johnson/tiny" in repr(stylizer)
    with pytest.raises(OptionError, match="device 'toaster'"):
        stylizer.to("toaster")


@pytest.mark.parametrize("dtype", ["int8", "half_and_half", torch.int32, "nn"])
def test_dtypes_that_no_net_computes_in(net_file: Path, dtype) -> None:
    with pytest.raises(OptionError, match="dtype must be float32, float16, bfloat16 or float64, not"):
        load(net_file, dtype=dtype)


@pytest.mark.parametrize("device", ["toaster", "cuda:99"])
def test_devices_that_are_not_here(net_file: Path, device: str) -> None:
    with pytest.raises(OptionError, match=f"device '{device}' is not available on this machine"):
        load(net_file, device=device)


def test_by_name_alias_and_module_level_function(zoo: Zoo, tiny: Stylizer, monkeypatch) -> None:
    photo = pixels()
    module._kept.cache_clear()
    for name in ("johnson/tiny", "tiny"):
        assert np.array_equal(load(name, device="cpu").stylize(photo), tiny.stylize(photo))
        stylized = stylezoo.stylize(photo, name, strength=0.5)
        assert np.abs(stylized.astype(int) - tiny.stylize(photo, strength=0.5)).max() <= 1
    monkeypatch.setattr(module, "load", lambda *_: pytest.fail("the model was not kept"))
    stylezoo.stylize(photo, "tiny", "dots")
    module._kept.cache_clear()


def test_a_misspelt_name(zoo: Zoo) -> None:
    with pytest.raises(ModelNotFoundError, match=r"no model is named 'johnson/tinny'.*Did you mean johnson/tiny"):
        load("johnson/tinny")


def test_a_folder_of_the_same_name_hides_no_model(zoo: Zoo, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny").mkdir()
    assert load("tiny", device="cpu").spec.name == "johnson/tiny"


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"missing\.safetensors"):
        load(tmp_path / "missing.safetensors")
    with pytest.raises(WeightsError, match=r"has no weights\.safetensors: name a run folder"):
        load(tmp_path)
    with pytest.raises(ModelNotFoundError, match="no run folder or model is named"):
        load(tmp_path / "no" / "run")


def test_damaged_files(net_file: Path, tmp_path: Path) -> None:
    data = net_file.read_bytes()
    for name, content in {"cut": data[:-50], "empty": b"", "text": b"not weights at all", "head": data[:40]}.items():
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(content)
        with pytest.raises(WeightsError, match=f"{name}.safetensors"):
            load(path)


def test_weights_of_another_net(net_file: Path, tmp_path: Path) -> None:
    """The record in the header asks for a wider net than the tensors are of."""
    from safetensors.torch import load_file, save_file

    record = '{"name":"johnson/tiny","family":"johnson","arch":{"width":16,"blocks":1},"license":"MIT","styles":[%s]}'
    style = '{"id":"dots","title":"Dots","rights":"CC0-1.0","source":"a test"}'
    path = tmp_path / "wide.safetensors"
    save_file(load_file(net_file), path, {"stylezoo": record % style})
    with pytest.raises(WeightsError, match=r"does not fit johnson\(.*width=16.*shape"):
        load(path)


# Several styles in one net


def test_a_net_of_several_styles_stylizes_each_by_name_or_number(multi: Stylizer) -> None:
    assert (multi.kind, multi.styles) == ("multi", ("dots", "lines", "waves"))
    photo = pixels()
    pictures = [multi.stylize(photo, name) for name in multi.styles]
    for number, picture in enumerate(pictures):
        assert np.array_equal(multi.stylize(photo, number), picture)
        assert np.array_equal(multi.stylize(photo, number - 3), picture)
        assert all(np.abs(picture.astype(int) - other).mean() > 1 for other in pictures[:number])
    for style, message in ((None, r"has 3 styles: name one \(--style\): dots, lines, waves"), (3, "no style number 3")):
        with pytest.raises(StyleError, match=message):
            multi.stylize(photo, style)


def test_the_weights_of_a_mix_are_divided_by_their_sum(multi: Stylizer) -> None:
    code = torch.from_numpy(multi.encode_style({"dots": 3, "waves": 1}).values)
    assert torch.allclose(code, torch.tensor([[0.75, 0, 0.25, 0]]))
    photo = pixels()
    mixed = multi.stylize(photo, {"dots": 0.75, 2: 0.25})
    assert np.array_equal(multi.stylize(photo, {"dots": 3, "waves": 1}), mixed)
    by_hand = 0.75 * multi.encode_style("dots") + 0.25 * multi.encode_style("waves")
    assert np.array_equal(multi.stylize(photo, by_hand), mixed)
    assert np.array_equal(multi.stylize(photo, {"dots": 0.5, 0: 0.5}), multi.stylize(photo, "dots"))


def test_a_negative_weight_goes_away_from_a_style(multi: Stylizer) -> None:
    away = multi.encode_style({"dots": 3, "waves": -1})
    assert torch.allclose(torch.from_numpy(away.values), torch.tensor([[1.5, 0, -0.5, 0]]))
    photo = pixels()
    assert not np.array_equal(multi.stylize(photo, away), multi.stylize(photo, "dots"))
    for mix in ({"dots": 1, "waves": -1}, {"dots": 0, "waves": 0}, {"dots": 1, "waves": -2}):
        with pytest.raises(StyleError, match="the weights of a mix must sum to more than 0, not"):
            multi.stylize(photo, mix)


def test_strength_of_several_styles(multi: Stylizer) -> None:
    photo = pixels().astype(np.float32) / 255
    mix = {"dots": 0.5, "lines": 0.5}
    full = multi.stylize(photo, mix)
    assert np.array_equal(multi.stylize(photo, mix, strength=0), photo)
    assert np.array_equal(multi.stylize(photo, mix, strength=0, preserve_color="luma"), photo)
    assert np.array_equal(multi.stylize(photo, mix, strength=1), full)
    assert np.abs(multi.stylize(photo, mix, strength=0.98) - full).mean() < 0.02
    assert np.abs(multi.stylize(photo, mix, strength=2) - full).mean() > 0.02


# Masks


def left_half(photo: np.ndarray, white: int = 255) -> np.ndarray:
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:, : photo.shape[1] // 2] = white
    return mask


def test_white_is_stylized_and_black_is_the_photo_to_the_bit(multi: Stylizer, tiny: Stylizer) -> None:
    for stylizer in (multi, tiny):
        for photo in (pixels(), pixels().astype(np.float32) / 255, pixels(channels=4)):
            mask, half = left_half(photo), photo.shape[1] // 2
            stylized = stylizer.stylize(photo, "dots", mask=mask)
            assert (stylized.shape, stylized.dtype) == (photo.shape, photo.dtype)
            assert np.array_equal(stylized[:, half:], photo[:, half:])
            assert not np.array_equal(stylized[:, :half], photo[:, :half])
            assert np.array_equal(stylized[..., 3:], photo[..., 3:])  # alpha, where there is one
            full = stylizer.stylize(photo, "dots")
            white = stylizer.stylize(photo, "dots", mask=np.full_like(mask, 255))
            np.testing.assert_allclose(white.astype(float), full, rtol=0, atol=1 if photo.dtype == np.uint8 else 1e-5)
            assert np.array_equal(stylizer.stylize(photo, "dots", mask=np.zeros_like(mask)), photo)


@pytest.mark.parametrize("preserve", ["luma", "stats"])
def test_preserve_color_leaves_the_untouched_region_alone(multi: Stylizer, preserve) -> None:
    photo = pixels().astype(np.float32) / 255
    mask, half = left_half(photo), photo.shape[1] // 2
    stylized = multi.stylize(photo, "dots", mask=mask, preserve_color=preserve)
    assert np.array_equal(stylized[:, half:], photo[:, half:])
    plain = multi.stylize(photo, "dots", mask=mask)
    assert np.abs(stylized - plain)[:, :half].mean() > 0.01


def test_a_mask_may_come_as_any_picture(multi: Stylizer, tmp_path: Path) -> None:
    photo = pixels()
    mask = left_half(photo, 200)
    expected = multi.stylize(photo, "dots", mask=mask)
    rgb = np.stack([mask] * 3, axis=2)
    see_through = np.dstack([np.full_like(rgb, 255), mask])
    for other in (rgb, Image.fromarray(mask), as_path(rgb, tmp_path), as_bytes(rgb), as_tensor(rgb), see_through):
        assert np.abs(multi.stylize(photo, "dots", mask=other).astype(int) - expected).max() <= 1
    picture = multi.stylize(Image.fromarray(photo), "dots", mask=mask)
    assert np.array_equal(np.asarray(picture), expected)


def test_masks_by_style_and_the_rest(multi: Stylizer) -> None:
    photo = pixels(40, 120)
    third = np.zeros((3, 40, 120), np.uint8)
    for number in range(3):
        third[number, :, number * 40 : number * 40 + 40] = 255
    by_name = multi.stylize(photo, mask={"dots": third[0], "lines": third[1]})
    pairs = [({"dots": 2}, third[0]), (1, third[1])]
    assert np.array_equal(multi.stylize(photo, mask=pairs), by_name)
    assert np.array_equal(multi.stylize(photo, mask=tuple(pairs)), by_name)
    assert np.array_equal(by_name[:, 80:], photo[:, 80:])  # no style for the rest: the photo
    rest = multi.stylize(photo, "waves", mask={"dots": third[0], "lines": third[1]})
    named = multi.stylize(photo, mask={"dots": third[0], "lines": third[1], "waves": third[2]})
    assert np.array_equal(rest, named)
    assert not np.array_equal(rest[:, 80:], photo[:, 80:])
    swapped = multi.stylize(photo, "waves", mask={"lines": third[0], "dots": third[1]})
    for part in (slice(0, 40), slice(40, 80)):
        assert np.abs(swapped.astype(int) - rest)[:, part].mean() > 1


def test_masks_that_overlap_share_in_proportion(multi: Stylizer) -> None:
    photo = pixels()
    white = np.full(photo.shape[:2], 255, np.uint8)
    mixes = [{"dots": 1 - share, "waves": share} for share in (0, 0.25, 0.5, 0.75, 1)]
    mixes += [{"dots": 0.2, "waves": 0.2, "lines": 0.6}, {"lines": 1}]
    known = [multi.stylize(photo, mix).astype(int) for mix in mixes]

    def nearest(stylized: np.ndarray) -> dict[str, float]:
        return mixes[int(np.argmin([np.abs(stylized - picture).mean() for picture in known]))]

    both = multi.stylize(photo, mask={"dots": white, "waves": white})
    assert nearest(both) == {"dots": 0.5, "waves": 0.5}
    uneven = multi.stylize(photo, "lines", mask={"dots": white, "waves": white // 3})  # 255 and 85: nothing is left
    assert nearest(uneven) == {"dots": 0.75, "waves": 0.25}
    partly = multi.stylize(photo, "lines", mask={"dots": white // 5, "waves": white // 5})
    assert nearest(partly) == {"dots": 0.2, "waves": 0.2, "lines": 0.6}


def test_masks_go_with_size_strength_and_batches(multi: Stylizer) -> None:
    photo = pixels()
    mask = left_half(photo)
    assert multi.stylize(photo, "dots", mask=mask, size=82).shape == (60, 82, 3)
    assert multi.stylize(photo, "dots", mask=mask, stroke=8).shape == photo.shape
    assert np.array_equal(multi.stylize(photo, "dots", mask=mask, strength=0), photo)
    images = [photo, 255 - photo, as_tensor(photo)]
    results = list(multi.stylize_batch(images, "dots", mask=mask, strength=0.7))
    for image, result in zip(images, results, strict=True):
        alone = multi.stylize(image, "dots", mask=mask, strength=0.7)
        assert type(result) is type(alone)
        assert np.array_equal(np.asarray(result), np.asarray(alone))
    with pytest.raises(OptionError, match="has 41x31 px but its mask has 41x30 px"):
        list(multi.stylize_batch([photo, pixels(31)], "dots", mask=mask))


def test_masks_that_cannot_be_used(multi: Stylizer) -> None:
    photo = pixels()
    mask = left_half(photo)
    bad = {
        r"has 41x30 px but its mask has 40x30 px": mask[:, 1:],
        r"the masks have different sizes, 41x30, 41x29": {"dots": mask, "lines": mask[1:]},
        r"a mask is one picture, but .* has 2": torch.zeros(2, 3, 30, 41),
    }
    for message, given in bad.items():
        with pytest.raises(OptionError, match=message):
            multi.stylize(photo, "dots", mask=given)
    for given in ({}, [], (), ["dots"], [mask], [("dots",)], [("dots", mask, 1)], ["ab"]):
        with pytest.raises(OptionError, match=r"mask must be a picture, {style: picture, ...} or \[\(style, picture"):
            multi.stylize(photo, "dots", mask=given)
    for given in ("missing.png", 3, {"dots": None}, [("dots", "missing.png")]):
        with pytest.raises(ImageError):
            multi.stylize(photo, "dots", mask=given)
    for style, given in ((None, mask), ("dots", {"stripes": mask}), ("stripes", {"dots": mask})):
        with pytest.raises(StyleError):
            multi.stylize(photo, style, mask=given)


# Cards


def row_of(stylizer: Stylizer, style: int) -> torch.Tensor:
    assert isinstance(stylizer.net, CIN)
    return stylizer.net.styles[style][None].clone()


def renamed(card: StyleCard, name: str, row: torch.Tensor | None = None) -> StyleCard:
    style = structs.replace(card.spec.style, id=name, title=name.title())
    return StyleCard(structs.replace(card.spec, style=style), card.row if row is None else row)


def test_a_card_is_one_style_of_its_net(multi: Stylizer, tmp_path: Path) -> None:
    for style in ("lines", 1, -2):
        card = multi.card(style)
        assert card.spec.style == multi.spec.styles[1]
        assert (card.spec.family, card.spec.base, card.spec.license) == ("cin", "cin/tiny", "CC0-1.0")
        assert np.array_equal(card.row, row_of(multi, 1))
    with pytest.raises(StyleError, match="no style 'stripes'"):
        multi.card("stripes")


def test_an_added_card_stylizes_to_the_bit_what_its_net_does(multi: Stylizer, multi_file: Path, tmp_path: Path) -> None:
    other = load(multi_file, device="cpu")
    row = torch.randn(1, row_of(multi, 0).shape[1], generator=torch.Generator().manual_seed(3))
    photo = pixels().astype(np.float32) / 255
    before = [multi.stylize(photo, style, strength=0.6) for style in multi.styles]
    assert other.add_card(renamed(other.card("dots"), "zigzag", row)) is other
    other.card("zigzag").save(tmp_path / "zigzag.card.safetensors")

    multi.add_card(str(tmp_path / "zigzag.card.safetensors"))
    assert multi.styles == ("dots", "lines", "waves", "zigzag")
    assert multi.spec.arch["styles"] == 4
    assert multi.spec.styles[3].title == "Zigzag"
    assert (multi.spec.provenance, multi.spec.story) == ("handmade", "the style zigzag was added from a style card")
    assert torch.equal(row_of(multi, 3), row)
    assert np.array_equal(multi.stylize(photo, "zigzag"), other.stylize(photo, "zigzag"))
    for style, picture in zip(other.styles, before, strict=False):
        assert np.array_equal(multi.stylize(photo, style, strength=0.6), picture)
    assert not any(np.array_equal(multi.stylize(photo, "zigzag"), multi.stylize(photo, s)) for s in range(3))

    multi.save(tmp_path / "four.safetensors")
    again = load(tmp_path / "four.safetensors", device="cpu")
    assert again.styles == multi.styles
    mix = {"zigzag": 0.5, "dots": 0.5}
    assert np.array_equal(again.stylize(photo, mix), multi.stylize(photo, mix))
    assert again.card("zigzag").spec.trunk == multi.card("dots").spec.trunk


def test_cards_fit_a_net_before_and_after_it_is_saved_or_computed_in_half_precision(
    multi: Stylizer, multi_file: Path, tmp_path: Path
) -> None:
    card = renamed(multi.card("dots"), "zigzag")
    multi.save(tmp_path / "half.safetensors", torch.float16)
    load(tmp_path / "half.safetensors", device="cpu").add_card(card)
    for dtype in ("bfloat16", "float64"):
        other = load(multi_file, device="cpu", dtype=dtype).add_card(card)
        assert other.stylize(pixels(), "zigzag").shape == (30, 41, 3)
        assert other.dtype == dtype


def test_cards_that_do_not_fit(multi: Stylizer, tiny: Stylizer, multi_file: Path, tmp_path: Path) -> None:
    card = multi.card("dots")
    with pytest.raises(StyleError, match=r"cin/tiny already .*'dots'"):
        multi.add_card(card)
    with pytest.raises(StyleError, match=r"johnson/tiny .*\bjohnson model.* cards .*\bcin\b"):
        tiny.add_card(card)
    with pytest.raises(StyleError, match=r"johnson/tiny .*\bjohnson model"):
        tiny.card("dots")
    foreign = load(multi_file, device="cpu")
    with torch.no_grad():
        foreign.net.trunk.head.weight += 0.1
    foreign = Stylizer(foreign.spec, foreign.net)
    with pytest.raises(WeightsError, match=r"'zigzag' was made for another trunk, that of cin/tiny: .*add-style"):
        multi.add_card(renamed(foreign.card("dots"), "zigzag"))
    with pytest.raises(WeightsError, match="'zigzag' has 7 numbers, not the 68 of cin/tiny"):
        multi.add_card(renamed(card, "zigzag", torch.zeros(1, 7)))
    with pytest.raises(WeightsError, match="is not a style card"):
        multi.add_card(multi_file)
    assert multi.styles == ("dots", "lines", "waves")  # it is as it was
    assert torch.from_numpy(multi.encode_style("dots").values).shape == (1, 4)
    card.save(tmp_path / "dots.card.safetensors")
    with pytest.raises(WeightsError, match=r"is a style card, .*add_card"):
        load(tmp_path / "dots.card.safetensors")


def test_a_code_from_before_a_card_was_added_is_refused(multi: Stylizer) -> None:
    code = multi.encode_style("dots")
    multi.add_card(renamed(multi.card("dots"), "zigzag"))
    for mask in (None, left_half(pixels()), [(code, left_half(pixels()))]):
        with pytest.raises(StyleError, match="cin/tiny: the style code of 4 numbers is from another model"):
            multi.stylize(pixels(), code, mask=mask)


def test_a_picture_is_kept_as_a_card_and_named(any_file: Path, tmp_path: Path) -> None:
    net, other, photo = load(any_file, device="cpu"), load(any_file, device="cpu"), pixels()
    picture = as_path(pixels(60, 80), tmp_path)
    card = net.card(picture, id="mine")
    style = card.spec.style
    assert (style.id, style.title, style.source) == ("mine", "photo", "photo.png")
    assert style.rights == "unstated: add the rights to the picture before you share the card"
    assert (card.spec.family, card.spec.base, card.spec.license) == ("ghiasi", "ghiasi/tiny", "CC0-1.0")
    card.save(tmp_path / "mine.card.safetensors")

    other.add_card(tmp_path / "mine.card.safetensors")
    assert other.styles == ("dots", "lines", "mine")
    assert np.array_equal(other.stylize(photo, "mine"), net.stylize(photo, picture))
    mixed = other.stylize(photo, {"mine": 1, "dots": 3})
    assert np.array_equal(mixed, net.stylize(photo, [(picture, 0.25), ("dots", 0.75)]))
    other.save(tmp_path / "three.safetensors")
    assert np.array_equal(
        load(tmp_path / "three.safetensors", device="cpu").stylize(photo, "mine", size=41), net.stylize(photo, picture)
    )
    coarse = net.card(picture, id="mine", style_size=700)
    assert not np.allclose(coarse.row, card.row)


def test_a_mix_is_kept_as_a_card(multi: Stylizer, any_file: Path) -> None:
    for net in (multi, load(any_file, device="cpu")):
        photo, mix = pixels(), {"dots": 3, "lines": 1}
        expected = net.stylize(photo, mix)
        style = net.card(mix, id="both", title="Both", rights="CC0-1.0").spec.style
        assert (style.title, style.rights, style.source) == ("Both", "CC0-1.0", "a mix of dots 0.75, lines 0.25")
        code = net.encode_style(mix)
        net.add_card(net.card(mix, id="both")).add_card(net.card({"both": 1}, id="again"))
        assert np.abs(net.stylize(photo, "both").astype(int) - expected).max() <= 1
        assert np.array_equal(net.stylize(photo, "again"), net.stylize(photo, "both"))
        if net is not multi:  # whose codes are of the number of its styles
            assert net.card(code, id="code").spec.style.source == "a style code"


def test_a_named_style_can_be_kept_under_another_name(multi: Stylizer) -> None:
    style = multi.card("dots", id="points", source="a friend").spec.style
    assert style == structs.replace(multi.spec.styles[0], id="points", source="a friend")
    assert np.array_equal(multi.card("dots", id="points").row, multi.card(0).row)


@pytest.mark.parametrize("style", [{"dots": 0.5, "lines": 0.5}, {"dots": 1}, ["dots"], StyleCode(torch.ones(1, 4))])
def test_what_has_no_name_is_given_an_id_or_has_no_card(multi: Stylizer, style) -> None:
    with pytest.raises(StyleError, match=r"needs an id, as in card\(style, id='my_style'\)"):
        multi.card(style)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"id": "My Style"}, "id: must be lowercase letters, digits, - and _ .*, not 'My Style'"),
        ({"id": ""}, "id: must be lowercase"),
        ({"id": "mine", "rights": " "}, "rights: must not be empty"),
        ({"id": "mine", "title": 3}, "title: Expected `str`"),
    ],
)
def test_the_record_of_a_card_is_checked(multi: Stylizer, given, message: str) -> None:
    with pytest.raises(StyleError, match=f"the style card: {message}"):
        multi.card("dots", **given)


@pytest.mark.slow
@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_models_stylize(name: str) -> None:
    from skimage import data

    stylizer = load(name, device="cpu")
    photo = np.ascontiguousarray(data.astronaut()[::3, ::3])
    styles = [*stylizer.styles, *([data.coffee()] if stylizer.kind == "arbitrary" else [])]
    for style in styles:
        stylized = stylizer.stylize(photo, style)
        assert stylized.shape == photo.shape
        assert stylized.std() > 20  # neither grey nor flat
        assert 15 < np.abs(stylized.astype(int) - photo).mean() < 130
        rows = np.corrcoef(stylized.mean(axis=2).ravel(), photo.mean(axis=2).ravel())[0, 1]
        assert rows > 0.3  # the photo is still to be seen
    if stylizer.net.gives_back:
        assert np.array_equal(stylizer.stylize(photo, styles[0], strength=0), photo)
    assert stylizer.stylize(photo[:1, :1], styles[0]).shape == (1, 1, 3)

from __future__ import annotations

import io
import json
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from msgspec import structs
from PIL import Image

from stylezoo.models import create_model
from stylezoo.stylizer import loading
from stylezoo.stylizer.card import StyleCard
from stylezoo.stylizer.stylizer import Stylizer
from stylezoo.zoo.spec import ModelSpec, StyleSpec


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The file of a small net of one style, 'tiles', with random weights."""
    torch.manual_seed(0)
    arguments = {"variant": "fast", "width": 16, "blocks": 1}
    style = StyleSpec(id="tiles", title="Tiles", rights="CC0-1.0", source="a test")
    spec = ModelSpec(name="johnson/tiles", family="johnson", arch=arguments, styles=(style,), license="CC0-1.0")
    path = tmp_path_factory.mktemp("model") / "tiles.safetensors"
    Stylizer(spec, create_model("johnson", **arguments)).save(path)
    return path


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with photo.png (48 x 32) and photos/ with a.jpg and b.png."""
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for seed, name in enumerate(("photo.png", "photos/a.jpg", "photos/b.png")):
        pixels = np.random.default_rng(seed).integers(0, 256, (32, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(name)
    return tmp_path


@pytest.fixture
def stylize(run, model):
    return lambda *arguments, **options: run("stylize", *arguments, "-m", model, "--device", "cpu", **options)


@pytest.fixture
def not_stylized(refused, model):
    """Stylize with bad input: return the one line that is said, once sure that nothing was written."""

    def call(*arguments, **options):
        before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
        line = refused("stylize", *arguments, "-m", model, "--device", "cpu", **options)
        assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
        return line

    return call


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"), dtype=float)


def test_one_picture_is_stylized_in_its_own_size(here, stylize):
    result = stylize("photo.png", "-o", "out.png")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert Image.open("out.png").size == (48, 32)
    assert np.abs(pixels("out.png") - pixels("photo.png")).mean() > 1


def test_strength_zero_gives_the_photo(here, stylize):
    assert stylize("photo.png", "-o", "out.png", "--strength", 0).exit_code == 0
    assert np.array_equal(pixels("out.png"), pixels("photo.png"))


def test_size_is_the_long_side(here, stylize):
    assert stylize("photo.png", "-o", "out.png", "--size", 24).exit_code == 0
    assert Image.open("out.png").size == (24, 16)


def test_tiles_make_the_same_picture(here, stylize):
    pixels_of = {}
    for tile in ("none", "auto", "16"):
        assert stylize("photo.png", "-o", f"{tile}.png", "--tile", tile).exit_code == 0
        pixels_of[tile] = pixels(f"{tile}.png")
    assert np.array_equal(pixels_of["auto"], pixels_of["none"])
    assert np.abs(pixels_of["16"] - pixels_of["none"]).max() <= 1


@pytest.mark.parametrize(
    ("tile", "message"),
    [
        ("all", "must be auto, none or a tile size in px such as 512, not 'all'"),
        ("0", "must be auto, none or a tile size in px such as 512, not '0'"),
        ("18", "tile=18 must be a multiple of 4 and at least 16"),
    ],
)
def test_sides_of_tiles_that_cannot_be(here, not_stylized, tile, message):
    assert message in not_stylized("photo.png", "-o", "out.png", "--tile", tile)


def test_preserve_color_keeps_the_photos_colour(here, stylize):
    assert stylize("photo.png", "-o", "plain.png").exit_code == 0
    assert stylize("photo.png", "-o", "kept.png", "--preserve-color", "luma").exit_code == 0

    def distance(path):
        return np.abs(pixels(path)[..., 0] - pixels(path)[..., 2] - difference).mean()

    difference = pixels("photo.png")[..., 0] - pixels("photo.png")[..., 2]
    assert distance("kept.png") < distance("plain.png") / 2


def test_quality_and_format_reach_the_file(here, stylize):
    assert stylize("photo.png", "-o", "low.jpg", "--quality", 10).exit_code == 0
    assert stylize("photo.png", "-o", "high.jpg", "--quality", 95).exit_code == 0
    assert Path("low.jpg").stat().st_size < Path("high.jpg").stat().st_size
    assert stylize("photo.png", "-o", "stylized", "--format", "webp").exit_code == 0
    assert Image.open("stylized").format == "WEBP"


def test_folder_gives_a_folder_with_the_same_names(here, stylize):
    result = stylize("photos", "photo.png", "-o", "out")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert sorted(p.name for p in Path("out").glob("[!.]*")) == ["a.jpg", "b.png", "photo.png"]


def test_json_is_one_line_a_picture(here, stylize):
    result = stylize("photos", "-o", "out", "--format", "png", "--json")
    first, second = map(json.loads, result.stdout.splitlines())
    assert first.pop("seconds") > 0
    assert first == {
        "input": "photos/a.jpg",
        "output": "out/a.png",
        "model": "johnson/tiles",
        "style": "tiles",
        "cards": [],
        "mask": None,
        "regions": [],
        "strength": 1.0,
        "size": None,
        "stroke": "auto",
        "palette": 0.75,
        "preserve_color": False,
        "protect": None,
        "only": None,
        "smooth": False,
        "tileable": False,
        "content_map": None,
        "style_map": None,
        "tile": "auto",
        "style_size": 384,
        "metadata": "safe",
        "width": 48,
        "height": 32,
    }
    assert second["input"] == "photos/b.png"


def test_stdin_to_stdout_is_the_same_picture_as_file_to_file(here, stylize):
    piped = stylize("-", "-o", "-", input=Path("photo.png").read_bytes())
    assert piped.exit_code == 0
    assert stylize("photo.png", "-o", "out.png").exit_code == 0
    image = Image.open(io.BytesIO(piped.stdout_bytes))
    assert image.format == "PNG"
    assert np.array_equal(np.asarray(image), pixels("out.png"))


def test_broken_picture_among_many_is_reported_and_the_others_go_on(here, stylize):
    Path("photos/aa.png").write_text("no picture")
    result = stylize("photos", "-o", "out", "--json")
    assert result.exit_code == 2
    assert sorted(p.name for p in Path("out").glob("[!.]*")) == ["a.jpg", "b.png"]
    assert len(result.stdout.splitlines()) == 2
    report, total = result.stderr.splitlines()
    assert "photos/aa.png" in report
    assert total == "stylezoo: 1 of 3 pictures failed"


def test_force_overwrites_what_exists(here, stylize, not_stylized):
    Path("out.png").write_text("old")
    assert "--force" in not_stylized("photo.png", "-o", "out.png")
    assert stylize("photo.png", "-o", "out.png", "--force").exit_code == 0
    assert Image.open("out.png").size == (48, 32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.png", "-o", "out.png"], "no such file or folder: 'missing.png'"),
        (["", "-o", "out"], "no such file or folder: ''"),
        (["photos", "-o", ""], "--output is empty"),
        (["photo.png"], "'-o'"),
        (["-o", "out.png"], "'IN...'"),
        (["photo.png", "-o", "photo.png", "--force"], "never overwritten"),
        (["photo.png", "-o", "out.txt"], "'out.txt'"),
        (["photo.png", "-o", "out.png", "--style", "stars"], "no style 'stars'"),
        (["photo.png", "-o", "out.png", "--style", "tiles:0.5,stars:0.5"], "no style 'stars'"),
        (["photo.png", "-o", "out.png", "--style", "tiles:"], "NAME:WEIGHT"),
        (["photo.png", "-o", "out.png", "--strength", "much"], "'much' is not a valid float"),
        (["photo.png", "-o", "out.png", "--strength", "nan"], "nan"),
        (["photo.png", "-o", "out.png", "--strength", "-1"], "-1"),
        (["photo.png", "-o", "out.png", "--size", "0"], "size must be"),
        (["photo.png", "-o", "out.png", "--quality", "101"], "101 is not in the range"),
        (["photo.png", "-o", "out.png", "--quality", "92"], "--quality is for JPEG, WebP and AVIF, not for png"),
        (["photo.png", "-o", "out.png", "--preserve-color", "all"], "'luma', 'stats'"),
        (["photo.png", "-o", "out.png", "--format", "doc"], "'png', 'jpg'"),
        (["photo.png", "-o", "-", "--json"], "both use stdout"),
        (["photos", "-o", "-"], "stdout takes one picture"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(here, not_stylized, arguments, message):
    assert message in not_stylized(*arguments)


def test_single_broken_picture_is_named(here, not_stylized):
    Path("broken.jpg").write_bytes(b"no picture")
    assert "broken.jpg" in not_stylized("broken.jpg", "-o", "out.jpg")


def test_stdin_without_a_picture_is_refused(here, not_stylized):
    assert "stdin is not a picture" in not_stylized("-", "-o", "out.jpg", input=b"no picture")


def test_misspelt_model_suggests(here, refused, zoo):
    line = refused("stylize", "photo.png", "-o", "out.png", "-m", "johnson/mosaik")
    assert "Did you mean johnson/mosaic?" in line


def test_unknown_device_is_refused(here, refused, model):
    assert "'abacus'" in refused("stylize", "photo.png", "-o", "out.png", "-m", model, "--device", "abacus")


def test_outputs_are_checked_before_the_model_is_loaded(here, refused, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda *_, **__: pytest.fail("the model was loaded"))
    Path("out").mkdir()
    Path("out/b.png").touch()
    assert "'out/b.png' exists" in refused("stylize", "photos", "-o", "out")


def test_every_format_that_is_offered_can_be_written(here, stylize):
    from stylezoo.cli.jobs import FORMATS

    for ending in FORMATS:
        assert stylize("photo.png", "-o", f"out.{ending}").exit_code == 0
        assert Image.open(f"out.{ending}").size == (48, 32)


@pytest.fixture
def stylize_multi(run, multi_file):
    """Stylize with the net of the styles dots, lines and waves; return the pixels of out.png."""

    def call(*arguments):
        arguments = ["photo.png", "-o", "out.png", *arguments, "-m", multi_file, "--device", "cpu", "--force"]
        result = run("stylize", *arguments)
        assert (result.exit_code, result.stderr) == (0, "")
        return pixels("out.png")

    return call


@pytest.fixture
def masks(here):
    """left.png and right.png, white on their third of photo.png, and small.png of another size."""
    columns = np.arange(48)
    for name, where in (("left", columns < 16), ("right", columns >= 32)):
        Image.fromarray(np.tile(where, (32, 1)).astype(np.uint8) * 255).save(f"{name}.png")
    Image.new("L", (24, 16), 255).save("small.png")


@pytest.fixture
def card(here, multi_file):
    """The file of a card with the style lines of that net, named mine."""
    card = loading.load(multi_file, device="cpu").card("lines")
    spec = structs.replace(card.spec, style=structs.replace(card.spec.style, id="mine"))
    StyleCard(spec, card.row).save("mine.card")
    return "mine.card"


def test_stroke_sets_the_size_at_which_the_net_runs(here, stylize_multi, multi_file):
    coarse = stylize_multi("-s", "dots", "--stroke", 16)
    net = loading.load(multi_file, device="cpu")
    assert np.array_equal(coarse, np.asarray(net.stylize("photo.png", "dots", stroke=16)))
    assert np.abs(coarse - stylize_multi("-s", "dots")).mean() > 1


def test_stroke_is_auto_unless_it_is_named(here, stylize_multi):
    assert np.array_equal(stylize_multi("-s", "dots", "--stroke", "auto"), stylize_multi("-s", "dots"))


def test_mask_keeps_the_photo_where_it_is_black(masks, stylize_multi):
    stylized = stylize_multi("-s", "dots", "--mask", "left.png")
    difference = np.abs(stylized - pixels("photo.png")).mean(axis=(0, 2))
    assert difference[24:].max() < 1
    assert difference[:12].min() > 5


def test_regions_are_stylized_each_in_its_style_and_the_rest_in_another(masks, stylize_multi, multi_file):
    stylized = stylize_multi("--region", "left.png:dots", "--region", "right.png:lines:1,waves:1", "-s", "waves")
    net = loading.load(multi_file, device="cpu")
    regions = [("dots", "left.png"), ({"lines": 0.5, "waves": 0.5}, "right.png")]
    assert np.array_equal(stylized, np.asarray(net.stylize("photo.png", "waves", mask=regions)))
    unstylized_rest = stylize_multi("--region", "left.png:dots", "--region", "right.png:waves")
    assert np.abs(unstylized_rest - pixels("photo.png"))[:, 20:28].mean() < 1


def test_card_alone_is_stylized_and_joins_the_styles(card, stylize_multi):
    lines = stylize_multi("-s", "lines")
    assert np.array_equal(stylize_multi("--card", card), lines)
    assert np.array_equal(stylize_multi("--card", card, "-s", "mine:0.5,lines:0.5"), lines)
    assert np.abs(stylize_multi("--card", card, "-s", "dots") - lines).mean() > 1


def test_json_and_the_manifest_state_every_option(here, stylize, photos=("photo.png",)):
    options = ("--strength", 0.5, "--size", 32, "--stroke", 2, "--preserve-color", "luma", "--tile", "none")
    fact = json.loads(stylize("photo.png", "-o", "out/", "--json", "--resume", *options).stdout)
    record = json.loads(Path("out/.stylezoo.jsonl").read_text().splitlines()[-1])
    wanted = {"strength": 0.5, "size": 32, "stroke": 2.0, "preserve_color": "luma", "tile": None, "style_size": 384}
    assert {name: fact[name] for name in wanted} == wanted
    assert {name: record.get(name) for name in wanted} == wanted


def test_json_states_card_mask_regions_and_stroke(masks, card, run, multi_file):
    options = ["--card", card, "--stroke", 2, "-m", multi_file, "--device", "cpu", "--json"]
    masked = run("stylize", "photo.png", "-o", "1.png", "--mask", "left.png", *options)
    fact = json.loads(masked.stdout)
    assert {key: fact[key] for key in ("style", "cards", "mask", "regions", "stroke")} == {
        "style": "mine",
        "cards": ["mine.card"],
        "mask": "left.png",
        "regions": [],
        "stroke": 2.0,
    }
    parted = run("stylize", "photo.png", "-o", "2.png", "--region", "left.png:mine:2,dots:1", *options)
    fact = json.loads(parted.stdout)
    assert fact["style"] is None
    assert fact["regions"] == [{"mask": "left.png", "style": {"mine": 2.0, "dots": 1.0}}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mask", "no.png"], "'no.png' does not exist"),
        (["--region", "no.png:tiles"], "no such file 'no.png'"),
        (["--region", "left.png"], "names no style"),
        (["--region", "left.png:stars"], "no style 'stars'"),
        (["--region", "left.png:tiles", "--mask", "left.png"], "--mask and --region exclude each other"),
        (["--mask", "small.png"], "photo.png has 48x32 px but its mask has 24x16 px"),
        (["--region", "left.png:tiles", "--region", "small.png:tiles"], "different sizes, 48x32, 24x16"),
        (["--card", "no.card"], "'no.card' does not exist"),
        (["--stroke", "0"], "stroke must be"),
        (["--size", "0"], "size must be"),
        (["--style-size", "8"], "style_size must be"),
        (["--stroke", "nan"], "stroke must be"),
        (["--stroke", "big"], "must be auto or a number from 1/16 to 16, not 'big'"),
    ],
)
def test_unusable_masks_cards_and_strokes_are_refused(masks, not_stylized, arguments, message):
    assert message in not_stylized("photo.png", "-o", "out.png", *arguments)


def test_a_mask_is_never_overwritten(masks, not_stylized):
    line = not_stylized("photo.png", "-o", "left.png", "--force", "--region", "left.png:tiles")
    assert "'left.png' is an input and is never overwritten" in line


def test_a_card_of_another_net_is_refused(card, not_stylized):
    assert "johnson/tiles is a johnson model, but style cards are for" in not_stylized(
        "photo.png", "-o", "out.png", "--card", card
    )


# Pictures as styles


@pytest.fixture
def styles(here):
    """A folder styles/ with wave.jpg and night.png, and the file a:b,c.png, whose name is hard to read."""
    Path("styles").mkdir()
    for seed, name in enumerate(("styles/wave.jpg", "styles/night.png", "a:b,c.png"), 7):
        colours = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(colours).resize((80, 60), Image.Resampling.NEAREST).save(name)


@pytest.fixture
def stylize_any(run, any_file, styles):
    """Stylize with a net that takes any picture, and knows dots and lines."""

    def call(*arguments, **options):
        result = run("stylize", *arguments, "-m", any_file, "--device", "cpu", **options)
        assert (result.exit_code, result.stderr) == (0, ""), result.stderr
        return result

    return call


@pytest.fixture
def photo_any(refused, any_file, styles):
    return lambda *arguments: refused("stylize", *arguments, "-m", any_file, "--device", "cpu")


@pytest.fixture
def net(any_file):
    return loading.load(any_file, device="cpu")


@pytest.mark.slow
def test_a_picture_is_a_style(stylize_any, net):
    stylize_any("photo.png", "-o", "out.png", "-s", "styles/wave.jpg", "--style-size", 100)
    expected = net.stylize("photo.png", "styles/wave.jpg", style_size=100)
    assert np.array_equal(pixels("out.png"), np.asarray(expected))
    stylize_any("photo.png", "-o", "usual.png", "-s", "styles/wave.jpg")
    assert np.array_equal(pixels("usual.png"), np.asarray(net.stylize("photo.png", "styles/wave.jpg")))
    assert not np.array_equal(pixels("usual.png"), pixels("out.png"))


@pytest.mark.parametrize(("flag", "value"), [("--palette", 1), ("--style-size", 64)])
def test_an_option_of_style_images_says_that_there_is_none(stylize_any, run, any_file, flag, value):
    named = run("stylize", "photo.png", "-o", "named.png", "-m", any_file, "-s", "dots", flag, value)
    assert named.exit_code == 0 and f"warning: {flag} has no effect" in named.stderr
    stylize_any("photo.png", "-o", "plain.png", "-s", "dots")  # these say nothing
    stylize_any("photo.png", "-o", "mixed.png", "-s", "styles/wave.jpg:0.6,dots:0.4", flag, value)


def test_pictures_and_names_mix(stylize_any, net):
    stylize_any("photo.png", "-o", "out.png", "-s", "styles/wave.jpg:0.6,dots:0.4")
    expected = net.stylize("photo.png", {"styles/wave.jpg": 0.6, "dots": 0.4})
    assert np.array_equal(pixels("out.png"), np.asarray(expected))


def test_colons_and_commas_in_the_name_of_a_picture(stylize_any, net):
    stylize_any("photo.png", "-o", "out.png", "-s", "a:b,c.png")
    assert np.array_equal(pixels("out.png"), np.asarray(net.stylize("photo.png", "a:b,c.png")))


@pytest.mark.slow
def test_stats_go_before_a_picture_is_encoded(stylize_any, net):
    stylize_any("photos", "-o", "out", "--format", "png", "-s", "styles/wave.jpg", "--preserve-color", "stats")
    for name in ("a.jpg", "b.png"):
        expected = net.stylize(f"photos/{name}", "styles/wave.jpg", preserve_color="stats")
        assert np.array_equal(pixels(f"out/{Path(name).stem}.png"), np.asarray(expected))


def test_a_folder_of_styles_stylizes_every_photo_in_each(stylize_any, net):
    result = stylize_any("photos", "-o", "out", "-s", "styles", "--json")
    names = ["a_night.jpg", "a_wave.jpg", "b_night.png", "b_wave.png"]
    assert sorted(p.name for p in Path("out").glob("[!.]*")) == names
    facts = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(Path(f["output"]).name, f["style"]) for f in facts] == [
        (name, f"styles/{'wave.jpg' if 'wave' in name else 'night.png'}") for name in names
    ]
    assert np.array_equal(pixels("out/b_wave.png"), np.asarray(net.stylize("photos/b.png", "styles/wave.jpg")))


def test_several_styles_are_stylized_each_also_from_stdin(stylize_any, net):
    mix = "dots:0.6,styles/wave.jpg:0.4"
    stylize_any(
        "-", "-o", "out", "-s", "dots", "-s", "styles/wave.jpg", "-s", mix, input=Path("photo.png").read_bytes()
    )
    names = ["stdin_dots-0.6_wave-0.4.png", "stdin_dots.png", "stdin_wave.png"]
    assert sorted(p.name for p in Path("out").glob("[!.]*")) == names
    assert np.array_equal(pixels("out/stdin_dots.png"), np.asarray(net.stylize("photo.png", "dots")))


def test_a_name_comes_before_a_folder(stylize_any, net):
    Path("dots").mkdir()
    stylize_any("photo.png", "-o", "out.png", "-s", "dots")
    assert np.array_equal(pixels("out.png"), np.asarray(net.stylize("photo.png", "dots")))


def test_style_pictures_are_encoded_once(stylize_any, net, monkeypatch):
    seen = []
    encode = type(net.runtime).encode
    monkeypatch.setattr(type(net.runtime), "encode", lambda runtime, image: seen.append(1) or encode(runtime, image))
    stylize_any("photos", "photo.png", "-o", "out", "-s", "styles/wave.jpg", "-s", "dots")
    assert len(seen) == 1


def test_regions_take_pictures(masks, stylize_any, net):
    Path("styles/wave.jpg").rename("a:w.jpg")
    stylize_any(
        "photo.png", "-o", "out.png", "--region", "left.png:a:w.jpg", "--region", "right.png:styles/night.png:1,dots:1"
    )
    regions = [("a:w.jpg", "left.png"), ({"styles/night.png": 1, "dots": 1}, "right.png")]
    assert np.array_equal(pixels("out.png"), np.asarray(net.stylize("photo.png", mask=regions)))


def test_a_style_is_saved_as_a_card_and_used_again(stylize_any, photo_any):
    stylize_any("photo.png", "-o", "1.png", "-s", "styles/wave.jpg", "--save-card", "cards/My wave.card.safetensors")
    card = StyleCard.read("cards/My wave.card.safetensors")
    assert (card.spec.style.id, card.spec.style.title, card.spec.style.source) == ("my_wave", "wave", "wave.jpg")
    stylize_any("photo.png", "-o", "2.png", "--card", "cards/My wave.card.safetensors")
    assert np.array_equal(pixels("2.png"), pixels("1.png"))
    again = [
        "photo.png",
        "-o",
        "3.png",
        "-s",
        "styles/wave.jpg:1,dots:1",
        "--save-card",
        "cards/My wave.card.safetensors",
    ]
    assert "exists: pass --force" in photo_any(*again)
    stylize_any(*again, "--force")
    assert StyleCard.read("cards/My wave.card.safetensors").spec.style.source == "a mix of wave.jpg 0.5, dots 0.5"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "out.png", "-s", "wave.png"], "'wave.png' is neither"),
        (["-o", "out.png", "-s", "dotz"], "Did you mean dots?"),
        (["-o", "out.png", "-s", "photo.png:0.5,no.png:0.5"], "'no.png' is neither"),
        (["-o", "out.png", "-s", ""], "'' is neither"),
        (["-o", "out.png", "-s", "https://example.org/wave.jpg"], "is a URL: download it first"),
        (["-o", "out.png", "-s", "mine.card.safetensors"], "mine.card.safetensors is a style card"),
        (["-o", "out.png", "-s", "no:such.png"], "cannot read 'no:such.png'"),
        (["-o", "out.png", "-s", "dots,lines"], "a weight for each style"),
        (["-o", "out.mp4", "-s", "dots"], "'out.mp4' is a clip: use stylezoo video"),
        (["-o", "out.png"], "needs a style (--style): give a picture, or name one of dots, lines"),
        (["-o", "out.png", "-s", "photos", "--style-size", "8"], "style_size must be"),
        (
            ["-o", "out.png", "-s", "styles"],
            "several pictures need a folder",
        ),
        (["-o", "-", "-s", "styles"], "stdout takes one picture, not 2"),
        (["-o", "out", "-s", "empty"], "no pictures in folder 'empty'"),
        (["-o", "out", "-s", "styles", "-s", "wave.png"], "'wave'"),
        (["-o", "out", "-s", "styles", "-s", "broken.png"], "broken.png"),
        (["-o", "styles/wave.jpg", "-s", "styles/wave.jpg", "--force"], "never overwritten"),
        (["-o", "styles/wave.jpg", "-s", "styles/wave.jpg:1,dots:1", "--force"], "never overwritten"),
        (["-o", "mask.png", "--region", "photo.png:mask.png", "--force"], "never overwritten"),
        (["-o", "out", "-s", "styles", "--save-card", "x.card"], "--save-card saves one style, but --style names 2"),
        (["-o", "out.png", "--save-card", "x.card"], "--save-card saves one style, but --style names none"),
        (["-o", "out.png", "-s", "mask.png", "--save-card", "mask.png", "--force"], "never overwritten"),
        (["-o", "out.png", "-s", "mask.png", "--save-card", "photo.png", "--force"], "never overwritten"),
        (["-o", "out.png", "-s", "mask.png", "--save-card", "styles", "--force"], "'styles' exists"),
        (["-o", "out.png", "-s", "mask.png", "--save-card", "."], "'.' exists"),
        (["-o", "out.png", "-s", "mask.png", "--save-card", "?.card"], "gives no style name"),
    ],
)
def test_unusable_style_pictures_are_refused(photo_any, arguments, message):
    Path("empty").mkdir()
    Path("broken.png").write_bytes(b"no picture")
    Image.new("L", (48, 32)).save("mask.png")
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert message in photo_any("photo.png", *arguments)
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


def test_a_picture_for_a_net_of_its_own_styles_is_refused(styles, not_stylized):
    for style in ("styles/wave.jpg", "styles", "tiles:1,styles/wave.jpg:1"):
        line = not_stylized("photo.png", "-o", "out", "--format", "png", "-s", style)
        assert "johnson/tiles takes no style image, only its styles (tiles)" in line


def test_style_size_is_that_of_the_library():
    from stylezoo.cli.stylize import command
    from stylezoo.runtime.options import option_fields

    context = click.Context(command)
    defaults = {option.name: option.get_default(context) or None for option in command.params}
    assert {name: defaults[name] for name in option_fields()} == {
        name: option.default or None for name, option in option_fields().items()
    }

from __future__ import annotations

import shutil
from dataclasses import replace

import detectors
import msgspec
import numpy as np
import pytest
from PIL import Image
from skimage import data
from tiling import periodic, seams

import stylezoo
from stylezoo._files import sha256_of
from stylezoo.demo.live import Live
from stylezoo.demo.pictures import data_url, from_data_url
from stylezoo.demo.requests import Region, Request
from stylezoo.demo.settings import Settings, default_models, find_models
from stylezoo.demo.studio import OWN, OWN_SIZE, Studio
from stylezoo.errors import ModelNotFoundError, OptionError, StyleError
from stylezoo.zoo import catalog
from stylezoo.zoo.spec import WeightsSpec, Zoo
from stylezoo.zoo.store import BUNDLED, read_header
from stylezoo.zoo.writing import write_zoo


@pytest.fixture(scope="module")
def tiny_zoo(net_file, multi_file, any_file, tmp_path_factory):
    """A zoo of one net of each kind, laid next to the package's own."""
    folder, models = tmp_path_factory.mktemp("zoo"), {}
    for file in (net_file, multi_file, any_file):
        spec = read_header(file)
        path = f"{spec.name}.safetensors"
        (folder / path).parent.mkdir(exist_ok=True)
        shutil.copy(file, folder / path)
        size = file.stat().st_size
        weights = WeightsSpec(file=path, sha256=sha256_of(file), bytes=size, dtype="float32", bundled=True)
        models[spec.name] = msgspec.structs.replace(spec, weights=weights, provenance="handmade", story="by a test")
    models["cin/copy"] = msgspec.structs.replace(models["cin/tiny"], name="cin/copy")
    write_zoo(Zoo(schema=1, aliases={}, models=models), folder / "zoo.yaml")
    before = list(catalog._added)
    stylezoo.add_zoo(folder)
    yield models
    catalog._added[:] = before


@pytest.fixture(scope="module")
def studio(tiny_zoo):
    return Studio(Settings(models=("cin/tiny", "johnson/tiny", "ghiasi/tiny")))


@pytest.fixture(scope="module")
def cup() -> Image.Image:
    return Image.fromarray(data.coffee()).resize((96, 64))


def as_array(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


def test_a_page_has_the_bundled_nets_and_one_for_any_picture():
    names = [spec.name for spec in default_models()]
    assert {"cin/16", "cin/16-large", "cin/16-video", "johnson/mosaic", "johnson/mosaic-large"} < set(names)
    assert [spec.kind for spec in default_models()].count("arbitrary") == 1


def test_the_net_is_the_best_that_has_the_styles():
    studio = Studio(Settings())
    asked = [
        ({"starry_night"}, "quick"),
        ({"starry_night"}, "fine"),
        ({"starry_night"}, "live"),
        ({"the_kiss"}, "quick"),
    ]
    assert [studio.model_of(*one) for one in asked] == [
        "johnson/starry_night",
        "johnson/starry_night-large",
        "johnson/starry_night-video",
        "cin/16",
    ]
    both = {"starry_night", "the_kiss"}
    names = [studio.model_of(both, quality) for quality in ("quick", "fine", "live")]
    assert names == ["cin/16", "cin/16-large", "cin/16-video"]
    assert studio.model_of({OWN, *both}, "quick") == "ghiasi/lite-large"
    with pytest.raises(StyleError, match="No model has all"):
        studio.model_of({"mosaic", "the_kiss"}, "quick")
    assert studio.qualities == ["quick", "fine"]
    assert Studio(Settings(models=("cin/16", "cin/16-video"))).qualities == ["quick"]


def test_a_net_that_would_never_be_used_is_refused(tiny_zoo):
    with pytest.raises(OptionError, match="cin/tiny would never be used, since cin/copy"):
        find_models(("cin/copy", "cin/tiny"))
    assert len(find_models(("cin/16", "johnson/*"))) > 4


def test_models_that_are_not_there_or_take_minutes_are_refused():
    with pytest.raises(ModelNotFoundError, match="Did you mean"):
        find_models(("johnson/mosaik",))
    with pytest.raises(OptionError, match="minutes"):
        find_models(("gatys/*",))
    with pytest.raises(OptionError, match="queue must be at least 1"):
        Settings(queue=0)


def test_styles_are_those_of_all_models(studio):
    assert list(studio.styles) == ["dots", "lines", "waves"]
    assert studio.takes_pictures
    assert not Studio(Settings(models=("cin/tiny",))).takes_pictures
    assert sorted(map(len, studio.nets())) == [1, 3, 3]


def test_it_stylizes_what_the_net_paints(studio, cup, multi_file):
    request = Request("quick", (("dots", 0.25), ("waves", 0.75)), 0.8, 2.0, "luma")
    net = stylezoo.load(multi_file, device="cpu")
    mix = {"dots": 0.25, "waves": 0.75}
    wanted = net.stylize(cup, mix, strength=0.8, stroke=2.0, preserve_color="luma")
    assert abs(as_array(studio.stylize(cup, request)) - as_array(wanted)).max() <= 1


def test_regions_keep_to_their_masks_whatever_size_they_come_in(studio, cup):
    mask = Image.new("L", (12, 8), 0)
    mask.paste(255, (0, 0, 6, 8))
    stylized = studio.stylize(
        cup, Request("quick", (("dots", 1.0),), regions=(Region((("waves", 1.0),), mask),), rest=False)
    )
    difference = abs(as_array(stylized) - as_array(cup)).max(axis=(0, 2))
    assert difference[:30].min() > 0
    assert difference[60:].max() == 0


def test_what_is_kept_is_so_by_the_detectors_that_are_installed(studio, cup, multi_file, tmp_path, monkeypatch):
    detectors.install(tmp_path, monkeypatch)
    assert studio.extras == ["face", "tile"] and studio.parts == ["everything", "subject", "background"]
    net, seen = stylezoo.load(multi_file, device="cpu"), []
    for part in ("subject", "background"):
        request = Request("quick", (("waves", 1.0),), extras=("face",), part=part)
        wanted = net.stylize(cup, "waves", protect="face", only=part)
        seen.append(as_array(studio.stylize(cup, request)))
        assert abs(seen[-1] - as_array(wanted)).max() <= 1
        assert abs(seen[-1] - as_array(studio.stylize(cup, replace(request, extras=(), part="everything")))).max() > 20
    assert abs(seen[0] - seen[1]).max() > 20


def test_without_detectors_only_what_needs_none_is_offered(tiny_zoo, monkeypatch):
    studio = Studio(Settings(models=("cin/tiny",)))

    def missing(options):
        if options.protect or options.only:
            raise OptionError("not installed")

    monkeypatch.setattr("stylezoo.demo.studio.keeper", missing)
    assert studio.extras == ["tile"] and studio.parts == ["everything"]


def test_a_tile_stays_one(studio, multi_file):
    tile = Image.fromarray((periodic(64, 96) * 255).astype(np.uint8))
    request = Request("quick", (("waves", 1.0),), extras=("tile",))
    wanted = stylezoo.load(multi_file, device="cpu").stylize(tile, "waves", tileable=True)
    assert abs(as_array(studio.stylize(tile, request)) - as_array(wanted)).max() <= 1
    assert max(seams(studio.stylize(tile, request))) < max(seams(studio.stylize(tile, replace(request, extras=()))))


def test_maps_say_which_part_of_a_visitors_picture_goes_where(studio, cup, tmp_path, any_file):
    own, guide = tmp_path / "own.png", tmp_path / "map.png"
    Image.fromarray(data.astronaut()).resize((80, 80)).save(own)
    halves = Image.new("RGB", (40, 30), "red")
    halves.paste("blue", (20, 0, 40, 30))
    halves.save(guide)
    request = Request("quick", ((OWN, 1.0),))
    wanted = stylezoo.load(any_file, device="cpu").stylize(
        cup, own, content_map=halves, style_map=halves, style_size=OWN_SIZE
    )
    made = as_array(studio.stylize(cup, request, own, (guide, guide)))
    assert abs(made - as_array(wanted)).max() <= 1
    assert abs(made - as_array(studio.stylize(cup, request, own))).max() > 5
    region = Region(((OWN, 1.0),), Image.new("L", (8, 12), 255))
    for other in (replace(request, mix=((OWN, 0.5), ("dots", 0.5))), replace(request, regions=(region,))):
        with pytest.raises(OptionError, match="Maps are for a painting of your own"):
            studio.stylize(cup, other, own, (guide, guide))
    with pytest.raises(OptionError, match="Maps are for a painting of your own"):
        studio.stylize(cup, request, None, (guide, guide))


def test_a_photo_that_lies_on_its_side_takes_a_mask_that_stands(studio, cup):
    turned = cup.copy()
    turned.getexif()[0x0112] = 6
    region = Region((("waves", 1.0),), Image.new("L", (8, 12), 255))
    assert studio.stylize(turned, Request("quick", (("dots", 1.0),), regions=(region,), rest=True)).size == (64, 96)


def test_a_picture_of_the_visitor_is_a_style_among_others(studio, cup, tmp_path, any_file):
    own = tmp_path / "own.png"
    Image.fromarray(data.astronaut()).resize((80, 80)).save(own)
    mix = ((OWN, 0.5), ("dots", 0.5))
    net = stylezoo.load(any_file, device="cpu")
    wanted = net.stylize(cup, [(Image.open(own), 0.5), ("dots", 0.5)])
    assert abs(as_array(studio.stylize(cup, Request("quick", mix), own)) - as_array(wanted)).max() <= 1
    with pytest.raises(StyleError, match="choose it again"):
        studio.stylize(cup, Request("quick", mix))


def test_styles_that_are_not_there_are_refused(studio, cup):
    with pytest.raises(StyleError, match="no such style: '/etc/passwd'"):
        studio.stylize(cup, Request("quick", (("/etc/passwd", 1.0),)))
    with pytest.raises(StyleError, match="no such style"):
        Studio(Settings(models=("cin/tiny",))).stylize(cup, Request("quick", ((OWN, 1.0),)))


def test_each_style_has_a_picture_and_a_place_on_the_sheet(studio, cup):
    pictures = [studio.thumbnail(name) for name in studio.styles]
    assert len(pictures) == 3 and len({picture.tobytes() for picture in pictures}) == 3
    assert len({picture.size for picture in pictures}) == 1
    sheet = studio.sheet(cup, Request("quick", (("dots", 1.0),)))
    assert sheet.width > 600 and sheet.mode == "RGB"


def test_the_first_photo_to_try_comes_with_the_package(studio):
    assert studio.samples[0].parent == BUNDLED
    assert np.asarray(Image.open(studio.samples[0])).std() > 30


def test_frames_are_stylized_as_pictures_are(studio, cup, multi_file):
    live = Live(studio)
    wide = cup.resize((480, 320))
    stylized = from_data_url(live.stylize({"mix": [["waves", 1]], "image": data_url(wide, 95)}), Settings())
    assert stylized.size == (320, 213)
    wanted = stylezoo.load(multi_file, device="cpu").stylize(wide.resize((320, 213)), "waves")
    assert abs(as_array(stylized) - as_array(wanted)).mean() < 8
    faint = from_data_url(live.stylize({"mix": [["waves", 1]], "image": data_url(wide, 95), "strength": 0}), Settings())
    assert abs(as_array(faint) - as_array(wide.resize((320, 213)))).mean() < 8


@pytest.mark.parametrize("value", [None, [], {"mix": [["waves", 1]]}, {"mix": [["waves", 1]], "image": "/etc/passwd"}])
def test_what_is_no_frame_is_refused(studio, value):
    with pytest.raises(stylezoo.errors.StyleZooError):
        Live(studio).stylize(value)


def test_the_camera_has_no_style_of_the_visitors_own(studio, cup):
    with pytest.raises(StyleError, match="camera"):
        Live(studio).stylize({"mix": [["own", 1]], "image": data_url(cup)})

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from stylezoo.sheet import blend_sheet, contact_sheet, grid_sheet, strength_sheet
from stylezoo.stylizer import loading
from stylezoo.stylizer.loading import load


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with photo.png (48 x 32) and an empty folder."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(data.coffee()).resize((48, 32)).save("photo.png")
    Path("folder").mkdir()
    return tmp_path


@pytest.fixture
def draw(run, multi_file):
    """Draw a sheet of photo.png with small pictures and return what was said, once sure that all went well."""

    def call(*arguments, model=multi_file, **options):
        result = run("sheet", "-m", model, "--device", "cpu", "--size", 64, *arguments, **options)
        assert (result.exit_code, result.stderr) == (0, ""), result.stderr
        return result

    return call


@pytest.fixture
def undrawn(refused, multi_file):
    """Ask for a sheet that cannot be: return the one line that is said, once sure that nothing was written."""

    def call(*arguments, model=multi_file, **options):
        before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
        line = refused("sheet", "-m", model, "--device", "cpu", *arguments, **options)
        assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
        return line

    return call


@pytest.fixture
def net(multi_file):
    return load(multi_file, device="cpu")


def same(path, page):
    return np.array_equal(np.asarray(Image.open(path)), np.asarray(page))


def test_a_sheet_of_all_styles_is_drawn(here, draw, net):
    assert draw("photo.png", "-o", "sheet.png").stdout == ""
    assert same("sheet.png", contact_sheet(net, "photo.png", size=64))


def test_options_reach_the_sheet(here, draw, net):
    options = ["--styles", "waves, dots", "--columns", 3, "--strength", 0.5, "--preserve-color", "stats", "--stroke", 2]
    draw("photo.png", "-o", "sheet.png", *options)
    kept = {"strength": 0.5, "preserve_color": "stats", "stroke": 2.0}
    assert same("sheet.png", contact_sheet(net, "photo.png", ["waves", "dots"], columns=3, size=64, **kept))


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["photo.png", "--blend", "dots", "waves", "-o", "sheet.png"],
        ["--blend", "dots", "waves", "photo.png", "-o", "sheet.png"],
        ["photo.png", "-o", "sheet.png", "--blend", "dots,waves"],
        ["photo.png", "-o", "sheet.png", "--blend=dots,waves"],
    ],
)
def test_a_blend_is_named_in_words_or_with_commas(here, draw, net, arguments):
    draw(*arguments, "--steps", 3)
    assert same("sheet.png", blend_sheet(net, "photo.png", ["dots", "waves"], steps=3, size=64))


@pytest.mark.slow
def test_strengths_stand_in_a_row(here, draw, net):
    draw("photo.png", "-o", "sheet.png", "--strengths", "--styles", "lines")
    assert same("sheet.png", strength_sheet(net, "photo.png", ["lines"], size=64))


def test_a_card_joins_the_styles(here, draw, net, multi_file):
    card = card_named(net, "mine")
    draw("photo.png", "-o", "sheet.png", "--card", card, "--styles", "dots,mine")
    assert same("sheet.png", contact_sheet(net.add_card(card), "photo.png", ["dots", "mine"], size=64))


def card_named(net, id):
    """Write the first style of a net as a card under another name."""
    from msgspec import structs

    from stylezoo.stylizer.card import StyleCard

    card = net.card(0)
    StyleCard(structs.replace(card.spec, style=structs.replace(card.spec.style, id=id)), card.row).save(f"{id}.card")
    return f"{id}.card"


def test_several_models_share_a_sheet(here, draw, net, net_file):
    result = draw("photo.png", "-m", net_file, "-o", "sheet.png", "--json")
    assert json.loads(result.stdout)["models"] == ["cin/tiny", "johnson/tiny"]
    assert same("sheet.png", contact_sheet([net, load(net_file, device="cpu")], "photo.png", size=64))


def test_a_pattern_stands_for_the_models_that_match(here, run, zoo, monkeypatch, net, net_file):
    loaded = []
    monkeypatch.setattr(loading, "load", lambda name, device: loaded.append(name) or net)
    result = run("sheet", "photo.png", "-o", "sheet.png", "-m", "*/*", "--size", 64)
    assert (result.exit_code, result.stderr) == (0, "")
    assert loaded == ["cin/four", "johnson/mosaic"]


def test_json_says_what_was_drawn(here, draw):
    result = draw("photo.png", "-o", "sheet.jpg", "--styles", "waves,dots", "--json")
    assert result.stdout.count("\n") == 1
    width, height = Image.open("sheet.jpg").size
    assert json.loads(result.stdout) == {
        "inputs": ["photo.png"],
        "output": "sheet.jpg",
        "models": ["cin/tiny"],
        "styles": ["waves", "dots"],
        "width": width,
        "height": height,
        "size": 64,
        "strength": 1.0,
        "stroke": "auto",
        "palette": 0.75,
        "preserve_color": False,
        "protect": None,
        "only": None,
        "style_size": 384,
    }


def test_stdin_to_stdout_is_the_same_sheet(here, draw, net):
    result = draw("-", "-o", "-", input=Path("photo.png").read_bytes())
    assert same(io.BytesIO(result.stdout_bytes), contact_sheet(net, "photo.png", size=64))


def test_quality_reaches_the_file(here, draw):
    draw("photo.png", "-o", "low.jpg", "--quality", 10)
    draw("photo.png", "-o", "high.jpg", "--quality", 95)
    assert Path("low.jpg").stat().st_size < Path("high.jpg").stat().st_size


def test_quality_of_a_format_that_has_none_is_refused(here, undrawn):
    assert "--quality" in undrawn("photo.png", "-o", "sheet.png", "--quality", 10)


def test_force_overwrites_what_exists(here, draw, undrawn):
    Path("sheet.png").write_text("old")
    assert "'sheet.png' exists: pass --force" in undrawn("photo.png", "-o", "sheet.png")
    draw("photo.png", "-o", "sheet.png", "--force")
    assert Image.open("sheet.png").width > 64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.png", "-o", "sheet.png"], "no such file or folder: 'missing.png'"),
        (["folder", "-o", "sheet.png"], "no pictures in folder 'folder'"),
        (["photo.png", "-o", "folder"], "'folder' is a folder: name the picture to write"),
        (["photo.png", "-o", "photo.png", "--force"], "never overwritten"),
        (["photo.png", "-o", "sheet.txt"], "'sheet.txt'"),
        (["photo.png"], "'-o'"),
        (["photo.png", "-o", "sheet.png", "--styles", "dots,wafes"], "Did you mean waves?"),
        (["photo.png", "-o", "sheet.png", "--styles", ","], "names no style"),
        (["photo.png", "-o", "sheet.png", "--blend", "dots"], "not 1: dots"),
        (["photo.png", "-o", "sheet.png", "--blend", "dots", "lines", "waves"], "not 3: dots, lines, waves"),
        (["photo.png", "-o", "sheet.png", "--blend", "a", "b", "c", "d", "e"], "not 5: a, b, c, d, e"),
        (["photo.png", "--blend", "-o", "sheet.png"], "names no style"),
        (["photo.png", "-o", "sheet.png", "--blend", "dots", "dotz"], "Did you mean dots?"),
        (["photo.png", "-o", "sheet.png", "--blend", "dots", "waves", "--styles", "dots"], "exclude each other"),
        (["photo.png", "-o", "sheet.png", "--strengths", "--strength", "0.5"], "exclude each other"),
        (["photo.png", "-o", "sheet.png", "--steps", "3"], "--steps needs --blend"),
        (["photo.png", "-o", "sheet.png", "--size", "8"], "8 is not in the range"),
        (["photo.png", "-o", "sheet.png", "--stroke", "0"], "stroke"),
        (["photo.png", "-o", "sheet.png", "--card", "no.card"], "'no.card' does not exist"),
        (["photo.png", "-o", "sheet.png", "--card", "photo.png"], "photo.png"),
        (["photo.png", "-o", "-", "--json"], "both use stdout"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(here, undrawn, arguments, message):
    assert message in undrawn(*arguments)


def test_broken_photo_is_named(here, undrawn):
    Path("broken.jpg").write_bytes(b"no picture")
    assert "broken.jpg is not a picture" in undrawn("broken.jpg", "-o", "sheet.png")


def test_one_style_is_no_blend(here, undrawn, net_file):
    line = undrawn("photo.png", "-o", "sheet.png", "--blend", "dots", "waves", model=net_file)
    assert "johnson/tiny has fewer than two styles" in line


@pytest.mark.parametrize("option", [["--blend", "dots", "waves"], ["--strengths"], ["--card", "photo.png"]])
def test_what_is_for_one_model_is_refused_for_several(here, undrawn, net_file, option):
    line = undrawn("photo.png", "-o", "sheet.png", "-m", net_file, *option)
    assert f"{option[0]} takes one model, not 2" in line


def test_a_pattern_that_matches_nothing_suggests(here, undrawn, zoo):
    assert "no model matches 'johnson/mosaik*'. Did you mean johnson/mosaic?" in undrawn(
        "photo.png", "-o", "sheet.png", model="johnson/mosaik*"
    )


def test_the_output_is_checked_before_the_model_is_loaded(here, undrawn, monkeypatch):
    monkeypatch.setattr(loading, "load", lambda *_, **__: pytest.fail("the model was loaded"))
    Path("sheet.png").touch()
    assert "'sheet.png' exists" in undrawn("photo.png", "-o", "sheet.png")


# Grids


@pytest.fixture
def grid(here, run, any_file):
    """Draw a sheet with a net that takes any picture; there are photos/ and paintings/ of two pictures each."""
    for seed, name in enumerate(("photos/a.png", "photos/b.png", "paintings/wave.png", "paintings/night,1.png")):
        Path(name).parent.mkdir(exist_ok=True)
        Image.fromarray(data.chelsea()).crop((seed * 40, 0, seed * 40 + 120, 80)).save(name)

    def call(*arguments, **options):
        result = run("sheet", "-m", any_file, "--device", "cpu", "--size", 64, *arguments, **options)
        assert (result.exit_code, result.stderr) == (0, ""), result.stderr
        return result

    return call


@pytest.fixture
def anyone(any_file):
    return load(any_file, device="cpu")


@pytest.mark.slow
def test_folders_of_photos_and_of_style_pictures_make_a_grid(grid, anyone):
    result = grid("photos", "-o", "grid.png", "--styles", "paintings", "--style-size", 200, "--json")
    photos, styles = ["photos/a.png", "photos/b.png"], ["paintings/night,1.png", "paintings/wave.png"]
    assert same("grid.png", grid_sheet(anyone, photos, styles, size=64, style_size=200))
    facts = json.loads(result.stdout)
    assert (facts["inputs"], facts["styles"]) == (photos, styles)


def test_one_photo_from_stdin_and_one_picture_make_a_grid(grid, anyone):
    grid("-", "-o", "grid.png", "--styles", "paintings/night,1.png", input=Path("photo.png").read_bytes())
    photo = Image.open("photo.png")
    assert same("grid.png", grid_sheet(anyone, [photo], ["paintings/night,1.png"], size=64))


@pytest.mark.slow
def test_photos_in_named_styles_make_a_grid(here, draw, net):
    Image.open("photo.png").rotate(180).save("other.png")
    draw("photo.png", "other.png", "-o", "grid.png", "--strength", 0.5)
    assert same("grid.png", grid_sheet(net, ["photo.png", "other.png"], net.styles, size=64, strength=0.5))


@pytest.mark.slow
def test_pictures_stand_in_other_sheets_as_styles_do(grid, anyone):
    wave, names = "paintings/wave.png", ["paintings/wave.png", "dots"]
    grid("photo.png", "-o", "1.png", "--styles", ",".join(names), "--columns", 2)
    assert same("1.png", contact_sheet(anyone, "photo.png", names, columns=2, size=64))
    grid("photo.png", "-o", "2.png", "--styles", wave, "--strengths")
    assert same("2.png", strength_sheet(anyone, "photo.png", [wave], size=64))
    grid("photo.png", "-o", "3.png", "--blend", f"{wave},dots", "--steps", 3)
    assert same("3.png", blend_sheet(anyone, "photo.png", names, steps=3, size=64))
    grid("--blend", wave, "dots", "photo.png", "-o", "4.png", "--steps", 3)
    assert same("4.png", Image.open("3.png"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photo.png", "p.png", "--blend", "a,b"], "--blend takes one photo, not 2"),
        (["photo.png", "p.png", "--strengths"], "--strengths takes one photo"),
        (["photo.png", "p.png", "--columns", "2"], "--columns takes one photo"),
        (["photo.png", "p.png", "-m", "cin/16"], "a second model takes one photo"),
        (["photo.png", "no.png"], "no such file or folder: 'no.png'"),
        (["photo.png", "--styles", "p.png"], "A picture as the style is for a net that takes any, such as 'any'"),
        (["photo.png", "--styles", "folder"], "no pictures in folder 'folder'"),
        (["photo.png", "sheet.png"], "'sheet.png' is an input and is never overwritten"),
        (["photo.png", "--styles", "sheet.png"], "'sheet.png' is an input and is never overwritten"),
    ],
)
def test_a_grid_that_cannot_be_is_refused(here, undrawn, arguments, message):
    for name in ("p.png", "sheet.png"):
        Image.open("photo.png").save(name)
    assert message in undrawn(*arguments, "-o", "sheet.png", "--force")


def test_a_terminal_gets_a_line_about_the_sheet_that_was_written(here, run, multi_file, monkeypatch):
    monkeypatch.setattr("stylezoo.cli.sheet.say_wrote", lambda what, seconds: print(f"{what} in {seconds:.1f} s"))
    result = run("sheet", "photo.png", "-m", multi_file, "--device", "cpu", "--size", 64, "-o", "sheet.png")
    assert result.stdout.startswith("sheet.png in ")

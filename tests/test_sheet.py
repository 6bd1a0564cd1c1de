from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from PIL import Image, ImageChops, ImageDraw, ImageFont
from skimage import data

from stylezoo.errors import ImageError, OptionError, StyleError
from stylezoo.images.page import INK, PALE, PAPER
from stylezoo.sheet import blend_sheet, contact_sheet, grid_sheet, strength_sheet
from stylezoo.stylizer.card import StyleCard
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer

PHOTO = Image.fromarray(data.coffee()).resize((96, 64))
SIZE = {"size": 64}


@pytest.fixture
def net(multi_file: Path) -> Stylizer:
    return load(multi_file, device="cpu")


@pytest.fixture
def single(net_file: Path) -> Stylizer:
    return load(net_file, device="cpu")


def stylized(stylizer: Stylizer, style, photo: Image.Image = PHOTO, long_side: int = 64, **options) -> np.ndarray:
    """What a cell should hold, by Pillow's own resampling: stylized at 512 px and shrunk."""
    large = stylizer.stylize(photo, style, size=512, **options)
    scale = long_side / max(photo.size)
    size = (round(photo.width * scale), round(photo.height * scale))
    return np.asarray(large.resize(size, Image.Resampling.BICUBIC)).astype(float)


def find(page: Image.Image, picture: np.ndarray) -> tuple[int, int]:
    """Return where in a page a picture stands (x, y), within what two ways of resampling differ by."""
    pixels = np.asarray(page).astype(float)
    height, width = picture.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(pixels[..., 0], (height, width))
    rough = np.abs(windows[..., ::7, ::7] - picture[::7, ::7, 0]).mean(axis=(2, 3))
    y, x = np.unravel_index(rough.argmin(), rough.shape)
    difference = np.abs(pixels[y : y + height, x : x + width] - picture).mean()
    assert difference < 1.5, f"nowhere: at best {difference:.1f} off, at {x}, {y}"
    return int(x), int(y)


def cells(page: Image.Image, pictures: list[np.ndarray]) -> list[tuple[int, int]]:
    """Return (row, column) of pictures that make up a page, after checking that the gaps between them are even."""
    corners = [find(page, picture) for picture in pictures]
    columns, rows = sorted({x for x, _ in corners}), sorted({y for _, y in corners})
    assert len(set(np.diff(columns))) <= 1
    assert len(set(np.diff(rows))) <= 1
    return [(rows.index(y), columns.index(x)) for x, y in corners]


def count(page: Image.Image, text: str, colour: tuple[int, int, int], size: float, anchor: str) -> int:
    """Return how often a text stands on a page as Pillow draws it in its own typeface."""
    font = ImageFont.load_default(size)
    sample = Image.new("RGB", (2 * int(font.getlength(text)) + 20, 60), PAPER)
    ImageDraw.Draw(sample).text((sample.width // 2, 40), text, colour, font, anchor=anchor)
    sample = sample.crop(ImageChops.difference(sample, Image.new("RGB", sample.size, PAPER)).getbbox())
    pattern, pixels = (np.asarray(picture.convert("L")) for picture in (sample, page))
    windows = np.lib.stride_tricks.sliding_window_view(pixels, pattern.shape)
    return int((windows == pattern).all(axis=(2, 3)).sum())


def titles(page: Image.Image, *texts: str, size: float = 12, anchor: str = "ls") -> list[int]:
    return [count(page, text, INK, size, anchor) for text in texts]


def names(page: Image.Image, *texts: str, size: float = 11, anchor: str = "ls") -> list[int]:
    return [count(page, text, PALE, size, anchor) for text in texts]


def test_a_contact_sheet_shows_the_photo_and_then_all_styles_in_order(net: Stylizer) -> None:
    page = contact_sheet(net, PHOTO, columns=2, **SIZE)
    assert page.mode == "RGB"
    photo = np.asarray(PHOTO.resize((64, 43), Image.Resampling.BICUBIC)).astype(float)
    assert cells(page, [photo, *(stylized(net, style) for style in net.styles)]) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_pictures_are_labelled_with_title_and_name(net: Stylizer) -> None:
    page = contact_sheet(net, PHOTO, **SIZE)
    assert titles(page, "Photo", "Dots", "Waves") == [1, 1, 1]
    assert names(page, "dots", "lines", "waves", "dashes") == [1, 1, 1, 0]


def test_styles_can_be_chosen_and_keep_their_order(net: Stylizer) -> None:
    page = contact_sheet(net, PHOTO, ["waves", "dots"], columns=3, **SIZE)
    assert cells(page, [stylized(net, "waves"), stylized(net, "dots")]) == [(0, 0), (0, 1)]
    assert names(page, "waves", "lines") == [1, 0]


def test_models_can_stand_together_each_under_what_a_user_types(net: Stylizer, single: Stylizer) -> None:
    page = contact_sheet([net, single], PHOTO, ["dots"], columns=3, **SIZE)
    assert cells(page, [stylized(net, "dots"), stylized(single, "dots")]) == [(0, 0), (0, 1)]
    assert names(page, "cin/tiny -s dots", "johnson/tiny") == [1, 1]


def test_options_reach_the_painting(net: Stylizer) -> None:
    page = contact_sheet(net, PHOTO, ["dots"], strength=0.5, preserve_color="luma", stroke=2, **SIZE)
    find(page, stylized(net, "dots", strength=0.5, preserve_color="luma", stroke=2))


def test_a_sheet_fills_a_page_unless_told_how_many_in_a_row(net: Stylizer) -> None:
    page, two, row, column = (contact_sheet(net, PHOTO, columns=n, **SIZE) for n in (None, 2, 99, 1))
    assert page.size == two.size
    assert row.width > 2 * row.height
    assert column.height > 2 * column.width


def test_names_are_whole_under_the_narrowest_picture_and_titles_are_shortened(net: Stylizer) -> None:
    tall = Image.fromarray(data.coffee()).resize((16, 64))
    page = contact_sheet(net, tall, columns=4, **SIZE)
    assert names(page, "dots", "lines", "waves") == [1, 1, 1]
    assert titles(page, "Fine Lines", "Fine…") == [0, 1]


def test_titles_that_the_typeface_cannot_write_give_way(net: Stylizer) -> None:
    written = ("Größe – élan", "神奈川沖浪裏", "waves")
    styles = tuple(structs.replace(s, title=t) for s, t in zip(net.spec.styles, written, strict=True))
    page = contact_sheet(Stylizer(structs.replace(net.spec, styles=styles), net.net), PHOTO, size=160)
    assert titles(page, "Grosse - elan", "waves") == [1, 0]  # no title where it is the name
    assert names(page, "dots", "lines", "waves") == [1, 1, 1]


def test_what_is_transparent_becomes_white(net: Stylizer) -> None:
    clear, white = Image.new("RGBA", (64, 64), (255, 0, 0, 0)), Image.new("RGB", (64, 64), "white")
    assert np.array_equal(*(np.asarray(contact_sheet(net, photo, **SIZE)) for photo in (clear, white)))


def test_a_large_photo_and_the_same_one_smaller_give_the_same_sheet(net: Stylizer) -> None:
    large = Image.fromarray(data.astronaut()).resize((2500, 1200))
    small = large.resize((1250, 600), Image.Resampling.LANCZOS)
    one, other = (np.asarray(contact_sheet(net, photo, ["dots"], **SIZE)).astype(float) for photo in (large, small))
    assert np.abs(one - other).mean() < 1


def test_progress_sees_every_picture(net: Stylizer) -> None:
    seen = []
    contact_sheet(net, PHOTO, progress=lambda paintings: (seen.append(p.style) or p for p in paintings), **SIZE)
    assert seen == ["dots", "lines", "waves"]


def renamed(card: StyleCard, id: str, weight: float = 1) -> StyleCard:
    return StyleCard(structs.replace(card.spec, style=structs.replace(card.spec.style, id=id)), card.row * weight)


def test_a_line_walks_from_one_style_to_the_other(net: Stylizer) -> None:
    page = blend_sheet(net, PHOTO, ["dots", "waves"], steps=3, **SIZE)
    way = [stylized(net, mix) for mix in ("dots", {"dots": 0.5, "waves": 0.5}, "waves")]
    assert cells(page, way) == [(0, 0), (0, 1), (0, 2)]
    assert names(page, "dots", "0.50 : 0.50", "waves") == [1, 1, 1]


@pytest.mark.slow
def test_a_square_has_its_four_styles_in_the_corners(net: Stylizer) -> None:
    net.add_card(renamed(net.card("dots"), "half", weight=0.5))
    page = blend_sheet(net, PHOTO, ["dots", "lines", "waves", "half"], steps=3, **SIZE)
    even = dict.fromkeys(["dots", "lines", "waves", "half"], 0.25)
    styles = ["dots", "lines", "waves", "half", even, {"lines": 1, "half": 1}]
    places = cells(page, [stylized(net, style) for style in styles])
    assert places == [(0, 0), (0, 2), (2, 0), (2, 2), (1, 1), (1, 2)]
    assert names(page, "dots", "waves") == [1, 1]
    assert names(page, "lines", "half", anchor="rs") == [1, 1]


def test_a_strength_sheet_has_a_row_for_each_style(net: Stylizer) -> None:
    page = strength_sheet(net, PHOTO, ["waves", "dots"], strengths=(0.5, 1), **SIZE)
    wanted = [("waves", 0.5), ("waves", 1), ("dots", 0.5), ("dots", 1)]
    pictures = [stylized(net, style, strength=strength) for style, strength in wanted]
    assert cells(page, pictures) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    photo = np.asarray(PHOTO.resize((64, 43), Image.Resampling.BICUBIC)).astype(float)
    assert find(page, photo)[0] < find(page, pictures[0])[0]
    assert titles(page, "0.5", "1") == [2, 2]


@pytest.mark.slow
@pytest.mark.parametrize("draw", [contact_sheet, strength_sheet])
def test_the_margin_is_paper_all_around(net: Stylizer, draw) -> None:
    pixels = np.asarray(draw(net, PHOTO, **SIZE))
    for edge in (pixels[:10], pixels[-10:], pixels[:, :10], pixels[:, -10:]):
        assert (edge == PAPER).all()


def test_the_margin_of_a_square_is_paper_too(net: Stylizer) -> None:
    net.add_card(renamed(net.card("dots"), "a_style_with_quite_a_long_name"))
    styles = ["dots", "a_style_with_quite_a_long_name", "lines", "waves"]
    page = blend_sheet(net, PHOTO.resize((16, 64)), styles, steps=2, **SIZE)
    pixels = np.asarray(page)
    for edge in (pixels[:8], pixels[-8:], pixels[:, :8], pixels[:, -8:]):
        assert (edge == PAPER).all()
    assert names(page, "a_style_with_quite_a_long_name", anchor="rs") == [1]


@pytest.mark.parametrize(
    ("styles", "options", "error", "message"),
    [
        (["dotz"], {}, StyleError, "no style 'dotz' in cin/tiny.*Did you mean dots"),
        (None, {"size": 8}, OptionError, "not 8"),
        (None, {"columns": 0}, OptionError, "not 0"),
        (None, {"strength": 9}, OptionError, "not 9"),
        (None, {"stroke": 0}, OptionError, "not 0"),
    ],
)
def test_what_a_sheet_cannot_show_is_refused(net: Stylizer, styles, options, error, message) -> None:
    with pytest.raises(error, match=message):
        contact_sheet(net, PHOTO, styles, **SIZE | options)


def test_a_photo_that_is_none_is_refused(net: Stylizer, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="does not exist"):
        contact_sheet(net, tmp_path / "photo.jpg")


@pytest.mark.parametrize(
    ("styles", "options", "error", "message"),
    [
        (["dots"], {}, OptionError, "not 1: dots"),
        (["dots", "lines", "waves"], {}, OptionError, "not 3: dots, lines, waves"),
        ([], {}, OptionError, "not 0$"),
        (["dots", "dots"], {}, OptionError, "differ"),
        (["dots", "wafes"], {}, StyleError, "Did you mean waves"),
        (["dots", "waves"], {"steps": 1}, OptionError, "steps must be at least 2, not 1"),
    ],
)
def test_what_cannot_be_blended_is_refused(net: Stylizer, styles, options, error, message) -> None:
    with pytest.raises(error, match=message):
        blend_sheet(net, PHOTO, styles, **options)


def test_a_net_of_one_style_has_nothing_to_blend(single: Stylizer) -> None:
    with pytest.raises(StyleError, match=r"johnson/tiny has fewer than two styles.*cin/16"):
        blend_sheet(single, PHOTO, ["dots", "waves"])


# Pictures as styles


@pytest.fixture
def anyone(any_file: Path) -> Stylizer:
    return load(any_file, device="cpu")


@pytest.fixture
def paintings(tmp_path: Path) -> list[str]:
    """Two pictures, one wider than high and one higher than wide."""
    for name, picture, size in (("wave.png", data.astronaut(), (120, 60)), ("tall.png", data.chelsea(), (50, 100))):
        Image.fromarray(picture).resize(size).save(tmp_path / name)
    return [str(tmp_path / "wave.png"), str(tmp_path / "tall.png")]


@pytest.mark.slow
def test_a_grid_has_a_row_for_each_photo_and_a_column_for_each_style(anyone: Stylizer, paintings, tmp_path) -> None:
    other = Image.fromarray(data.rocket()).resize((96, 64))
    other.save(tmp_path / "other.png")
    seen: list[object] = []
    progress = lambda todo: (seen.append(p) or p for p in todo)  # noqa: E731
    page = grid_sheet(anyone, [PHOTO, tmp_path / "other.png"], [*paintings, "dots"], progress=progress, **SIZE)
    heads = [Image.open(paintings[0]).resize((64, 32), Image.Resampling.BICUBIC)]
    heads += [Image.open(paintings[1]).resize((32, 64), Image.Resampling.BICUBIC)]
    rows = [
        [PHOTO.resize((64, 43), Image.Resampling.BICUBIC), *(stylized(anyone, s, PHOTO) for s in [*paintings, "dots"])]
    ]
    rows += [
        [other.resize((64, 43), Image.Resampling.BICUBIC), *(stylized(anyone, s, other) for s in [*paintings, "dots"])]
    ]
    first, second = ([find(page, np.asarray(cell).astype(float)) for cell in row] for row in rows)
    assert [x for x, _ in first] == [x for x, _ in second] == sorted({x for x, _ in first})
    assert len({y for _, y in first}) == len({y for _, y in second}) == 1
    tops = [find(page, np.asarray(head).astype(float)) for head in heads]
    assert tops[0][0] == first[1][0] and tops[1][0] == first[2][0] + 16  # in the middle of its column
    assert tops[1][1] < tops[0][1] < first[0][1] < second[0][1]
    assert titles(page, "wave.png", "tall.png", "other.png", "Dots") == [1, 1, 1, 1]
    assert len(seen) == 6


def test_a_grid_encodes_a_style_once_unless_it_takes_on_each_photos_colours(
    anyone: Stylizer, paintings, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime, seen = anyone.runtime, []
    encode = runtime.encode
    monkeypatch.setattr(runtime, "encode", lambda picture: seen.append(1) or encode(picture))
    turned = PHOTO.transpose(Image.Transpose.ROTATE_180)
    grid_sheet(anyone, [PHOTO, turned], paintings, **SIZE)
    assert len(seen) == 2
    page = grid_sheet(anyone, [PHOTO], paintings, preserve_color="stats", **SIZE)
    find(page, stylized(anyone, paintings[0], preserve_color="stats"))


def test_a_strength_sheet_names_its_pictures(anyone: Stylizer, paintings) -> None:
    page = strength_sheet(anyone, PHOTO, paintings, strengths=(0.5, 1), **SIZE)
    assert names(page, "wave.png", "tall.png") == [2, 2]
    find(page, stylized(anyone, paintings[0], strength=0.5))


def test_a_line_leads_from_a_picture_to_a_name(anyone: Stylizer, paintings) -> None:
    page = blend_sheet(anyone, PHOTO, [paintings[0], "dots"], steps=3, **SIZE)
    way = [stylized(anyone, mix) for mix in (paintings[0], [paintings[0], "dots"], "dots")]
    assert cells(page, way) == [(0, 0), (0, 1), (0, 2)]


def test_grids_that_cannot_be(anyone: Stylizer, net: Stylizer, paintings) -> None:
    with pytest.raises(OptionError, match="at least one photo and one style, not 0 and 2"):
        grid_sheet(anyone, [], paintings)
    with pytest.raises(OptionError, match="not 1 and 0"):
        grid_sheet(anyone, [PHOTO], [])
    with pytest.raises(StyleError, match=r"'wafe\.png' is neither"):
        grid_sheet(anyone, [PHOTO], ["wafe.png"])
    with pytest.raises(StyleError, match=r"no style .* in cin/tiny: .* A picture as the style is for a net"):
        grid_sheet(net, [PHOTO], paintings)

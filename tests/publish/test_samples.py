"""The picture of a card: what it shows and where, of a size for a README.

Nets stylize plain colours here, so that their pictures can be found on the page.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import structs
from PIL import Image

from stylezoo.errors import DataError, ImageError
from stylezoo.images.io import read
from stylezoo.models import create_model
from stylezoo.publish.samples import MOST, PAGE, sample_page
from stylezoo.stylizer.loading import load
from stylezoo.stylizer.stylizer import Stylizer

GREEN = (10, 200, 30)
PHOTO = Image.new("RGB", (480, 320), GREEN)


class Painter(Stylizer):
    """One whose every picture is of one colour, the next in `COLOURS` for each style that it is asked for."""

    def __init__(self, net: Stylizer) -> None:
        super().__init__(net.spec, net.net)
        self.asked: list[tuple[object, int]] = []

    def stylize(self, image, style=None, *, size=None, **_):
        self.asked.append((style, size))
        picture = read(image)
        return picture.restore(torch.tensor(colour(len(self.asked))).view(1, 3, 1, 1).expand_as(picture.pixels) / 255)


def colour(number: int) -> tuple[int, int, int]:
    return (200, 10 * number, 100)


def box(page: Image.Image, wanted: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Return (left, top, width, height) of what is of a colour, which must be one rectangle."""
    found = (np.asarray(page) == wanted).all(axis=2)
    ys, xs = np.nonzero(found)
    left, top, width, height = xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1
    assert found.sum() == width * height
    return int(left), int(top), int(width), int(height)


def painter(file: Path) -> Painter:
    return Painter(load(file, device="cpu"))


def test_one_style_stands_next_to_the_photo(net_file: Path) -> None:
    net = painter(net_file)
    page = sample_page(net, PHOTO)
    (left, top, width, height), painting = box(page, GREEN), box(page, colour(1))
    assert net.asked == [("dots", 512)]
    assert painting[0] > left + width and painting[1:] == (top, width, height)
    assert width > 400 and abs(width / height - 1.5) < 0.01


def test_several_styles_stand_in_rows_behind_the_photo(multi_file: Path) -> None:
    net = painter(multi_file)
    page = sample_page(net, PHOTO)
    assert [style for style, _ in net.asked] == ["dots", "lines", "waves"]
    places = [box(page, c)[1::-1] for c in (GREEN, *map(colour, (1, 2, 3)))]
    assert places == sorted(places)
    assert len({box(page, colour(i))[2:] for i in (1, 2, 3)}) == 1


def test_of_many_styles_the_first_are_shown(multi_file: Path) -> None:
    spec = load(multi_file, device="cpu").spec
    styles = tuple(structs.replace(spec.styles[0], id=f"s{i}") for i in range(MOST + 3))
    spec = structs.replace(spec, styles=styles, arch=spec.arch | {"styles": len(styles)})
    net = Painter(Stylizer(spec, create_model("cin", **spec.arch)))
    page = sample_page(net, PHOTO)
    assert [style for style, _ in net.asked] == [f"s{i}" for i in range(MOST)]
    assert PAGE[0] * 0.7 < page.width < PAGE[0] * 1.1 and page.height < PAGE[1] * 1.1


def test_any_style_shows_the_style_pictures_above_and_the_known_names_below(any_file: Path) -> None:
    net, above = painter(any_file), [(0, 0, 250), (0, 90, 250)]
    pictures = [Image.new("RGB", (300, 300), c) for c in above]
    page = sample_page(net, PHOTO, pictures=pictures)
    assert [style for style, _ in net.asked] == [*pictures, "dots", "lines"]
    photo, *heads = (box(page, c) for c in (GREEN, *above))
    results, names = ([box(page, colour(i)) for i in pair] for pair in ((1, 2), (3, 4)))
    assert photo[0] < results[0][0] < results[1][0]
    assert {photo[1]} == {y for _, y, *_ in results} and photo[2:] == results[0][2:] == names[1][2:]
    middles = [[x + width / 2 for x, _, width, _ in row] for row in (heads, results)]
    assert middles[0] == pytest.approx(middles[1], abs=1)
    assert max(y for _, y, *_ in heads) < photo[1] < names[0][1] == names[1][1]


@pytest.mark.parametrize("size", [(64, 96), (300, 40), (20, 400), (1, 1)])
@pytest.mark.parametrize("file", ["net_file", "multi_file", "any_file"])
def test_a_photo_of_any_shape_gives_a_page_that_fits(
    file: str, size: tuple[int, int], request: pytest.FixtureRequest
) -> None:
    page = sample_page(painter(request.getfixturevalue(file)), PHOTO.resize(size), pictures=[PHOTO])
    assert max(page.size) < 1.2 * max(PAGE) and page.mode == "RGB"


def test_a_long_name_makes_no_large_page(net_file: Path) -> None:
    net = painter(net_file)
    net.spec = structs.replace(net.spec, styles=(structs.replace(net.spec.styles[0], id="a" * 96),))
    assert max(sample_page(net, PHOTO).size) <= max(PAGE)


def test_the_defaults_come_with_packages(any_file: Path) -> None:
    net = painter(any_file)
    page = sample_page(net)
    names = [style.name if isinstance(style, Path) else style for style, _ in net.asked]
    assert names[0] == "mosaic.jpg" and names[-2:] == ["dots", "lines"] and len(names) > 4
    assert np.asarray(page).std() > 20


def test_without_scikit_image_a_photo_is_asked_for(any_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("skimage", "skimage.data"):
        monkeypatch.setitem(sys.modules, name, None)
    net = painter(any_file)
    with pytest.raises(DataError, match=r"give a photo to stylize: .* pip install 'stylezoo\[train\]'"):
        sample_page(net)
    sample_page(net, PHOTO)
    assert [getattr(style, "name", style) for style, _ in net.asked] == ["mosaic.jpg", "dots", "lines"]


def test_what_is_no_photo_is_refused(net_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="does not exist"):
        sample_page(load(net_file, device="cpu"), tmp_path / "none.jpg")

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from stylezoo.data.fetch import part_of
from stylezoo.data.presets import check_picture, fetch_picture, is_there, zoo_pictures
from stylezoo.data.styles import find_picture
from stylezoo.errors import DataError
from stylezoo.images.io import encode, read
from stylezoo.images.phash import perceptual_hash
from stylezoo.zoo.spec import PictureSpec, StyleSpec, Zoo

PAGE = "https://example.org/coffee"


def jpeg(name: str, size: tuple[int, int] = (600, 400)) -> bytes:
    return encode(Image.fromarray(getattr(data, name)()).resize(size), "jpeg", quality=70)


def phash(name: str) -> str:
    return perceptual_hash(read(getattr(data, name)()).pixels)


@pytest.fixture
def coffee(web) -> PictureSpec:
    web.files |= {"/coffee.jpg": jpeg("coffee"), "/cat.jpg": jpeg("chelsea"), "/page": b"<!doctype html><p>Moved</p>"}
    return PictureSpec(file="coffee.jpg", page=PAGE, urls=(f"{web.url}/coffee.jpg",), phash=phash("coffee"))


def changed(picture: PictureSpec, web, *paths: str) -> PictureSpec:
    urls = tuple(web.url + path for path in paths)
    return PictureSpec(file=picture.file, page=picture.page, urls=urls, phash=picture.phash)


def zoo_of(*pictures: PictureSpec | None) -> Zoo:
    artworks = {
        f"s{i}": StyleSpec(id=f"s{i}", title="S", rights="CC0-1.0", source="a test", picture=picture)
        for i, picture in enumerate(pictures)
    }
    return Zoo(schema=1, aliases={}, models={}, artworks=artworks)


def test_the_pictures_of_a_registry_are_listed_once(coffee: PictureSpec) -> None:
    cat = PictureSpec(file="cat.jpg", page=PAGE, urls=(PAGE,), phash=phash("chelsea"))
    assert zoo_pictures(zoo_of(coffee, None, coffee, cat)) == [cat, coffee]
    assert zoo_pictures(zoo_of(None)) == []


def test_one_name_for_two_pictures_is_refused(coffee: PictureSpec) -> None:
    cat = PictureSpec(file="coffee.jpg", page=PAGE, urls=(PAGE,), phash=phash("chelsea"))
    with pytest.raises(DataError, match=r"coffee\.jpg"):
        zoo_pictures(zoo_of(coffee, cat))


def test_a_picture_is_fetched_to_where_training_looks_for_it(
    coffee: PictureSpec, web, tmp_path: Path, monkeypatch
) -> None:
    assert not is_there(coffee, tmp_path)
    fetch_picture(coffee, tmp_path)
    assert is_there(coffee, tmp_path)
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")] == ["presets/coffee.jpg"]
    monkeypatch.setenv("STYLEZOO_DATA", str(tmp_path))
    assert find_picture("coffee.jpg").read_bytes() == web.files["/coffee.jpg"]


def test_addresses_are_tried_in_turn_until_one_gives_the_picture(coffee: PictureSpec, web, tmp_path: Path) -> None:
    fetch_picture(changed(coffee, web, "/gone.jpg", "/cat.jpg", "/page", "/coffee.jpg", "/never"), tmp_path)
    assert [path for path, *_ in web.asked] == ["/gone.jpg", "/cat.jpg", "/page", "/coffee.jpg"]
    assert [p.name for p in (tmp_path / "presets").iterdir()] == ["coffee.jpg"]


def test_where_none_does_each_is_told_of_and_nothing_is_left(coffee: PictureSpec, web, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        fetch_picture(changed(coffee, web, "/gone.jpg", "/cat.jpg", "/page"), tmp_path)
    for part in ("/gone.jpg: HTTP 404", "/cat.jpg: it is another picture", "/page: the file is not a picture"):
        assert part in str(caught.value)
    assert list((tmp_path / "presets").iterdir()) == []


def test_a_wrong_picture_gives_way_to_the_right_one_alone_and_is_kept(coffee: PictureSpec, web, tmp_path: Path) -> None:
    own = tmp_path / "presets/coffee.jpg"
    own.parent.mkdir()
    own.write_bytes(web.files["/cat.jpg"])
    with pytest.raises(DataError):
        fetch_picture(changed(coffee, web, "/gone.jpg"), tmp_path)
    assert own.read_bytes() == web.files["/cat.jpg"]
    fetch_picture(coffee, tmp_path)
    assert own.read_bytes() == web.files["/coffee.jpg"]
    assert own.with_name("coffee.jpg.old").read_bytes() == web.files["/cat.jpg"]


def test_half_a_picture_from_before_is_completed(coffee: PictureSpec, web, tmp_path: Path) -> None:
    target = tmp_path / "presets/coffee.jpg"
    target.parent.mkdir()
    part_of(coffee.urls[0], target).write_bytes(web.files["/coffee.jpg"][:5000])
    fetch_picture(coffee, tmp_path)
    assert [wanted for _, wanted, _ in web.asked] == ["bytes=5000-"]


def test_a_picture_that_is_cut_short_is_refused(coffee: PictureSpec, web, tmp_path: Path) -> None:
    web.files["/half.jpg"] = web.files["/coffee.jpg"][:-5000]
    with pytest.raises(DataError, match="not a picture"):
        fetch_picture(changed(coffee, web, "/half.jpg"), tmp_path)


def test_a_picture_too_small_to_learn_from_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg("coffee", (300, 200)))
    with pytest.raises(DataError, match=r"300 px.* 480 "):
        check_picture(tmp_path / "a.jpg", phash("coffee"))

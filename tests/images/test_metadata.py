"""What a file says besides its pixels: what of it a stylized image keeps, by default and when asked."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from stylezoo.errors import OptionError
from stylezoo.images.io import encode, read, write
from stylezoo.runtime.options import StylizeOptions

PIXELS = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
Base, Exif = ExifTags.Base, ExifTags.IFD.Exif
XMP = b"""<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="52,31.2N" xmp:CreateDate="2024-05-06T07:08:09">
<dc:creator><rdf:Seq><rdf:li>Ada Example</rdf:li></rdf:Seq></dc:creator>
<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">CC BY 4.0</rdf:li></rdf:Alt></dc:rights>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"""


def exif() -> Image.Exif:
    """EXIF as a telephone writes it: who, when, what, where, by which camera, and turned by a quarter."""
    made = Image.Exif()
    made[Base.ImageDescription] = "A harbour"
    made[Base.Artist] = "Ada Example"
    made[Base.Copyright] = "(c) 2024 Ada Example"
    made[Base.DateTime] = "2024:05:06 07:08:09"
    made[Base.Make] = "Camera works"
    made[Base.Orientation] = 6
    made[Exif] = {Base.DateTimeOriginal: "2024:05:06 07:08:09", Base.OffsetTimeOriginal: "+02:00"}
    made[Exif] |= {Base.BodySerialNumber: "12345", Base.ExifImageWidth: 64}
    made[ExifTags.IFD.GPSInfo] = {1: "N", 2: (52.0, 31.0, 12.0)}
    return made


def photo(kind: str = "JPEG", **more: Any) -> bytes:
    """A file with all of that, 300 dpi and a colour profile."""
    buffer = io.BytesIO()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, Any] = {"exif": exif().tobytes(), "dpi": (300, 300), "icc_profile": srgb} | more
    Image.fromarray(PIXELS).save(buffer, kind, **options)
    return buffer.getvalue()


def result(data: bytes, choice: Any = "safe") -> Image.Image:
    """The file of what comes back of a file, opened."""
    picture = read(data, metadata=choice)
    return Image.open(io.BytesIO(picture.restore(picture.levels)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_safe_keeps_who_when_and_what_and_drops_where_and_by_which_camera(kind: str) -> None:
    back = result(photo(kind))
    found = back.getexif()
    assert found[Base.ImageDescription] == "A harbour"
    assert found[Base.Artist] == "Ada Example"
    assert found[Base.Copyright] == "(c) 2024 Ada Example"
    assert found[Base.DateTime] == "2024:05:06 07:08:09"
    assert found.get_ifd(Exif)[Base.DateTimeOriginal] == "2024:05:06 07:08:09"
    assert found.get_ifd(Exif)[Base.OffsetTimeOriginal] == "+02:00"
    assert not found.get_ifd(ExifTags.IFD.GPSInfo)
    assert Base.Make not in found and Base.BodySerialNumber not in found.get_ifd(Exif)
    assert found.get(Base.Orientation, 1) == 1
    if kind in {"JPEG", "PNG", "TIFF"}:
        assert np.allclose([float(dpi) for dpi in back.info["dpi"]], 300, atol=0.01)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(back.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(profile)


def test_keep_keeps_all_but_the_thumbnail_and_what_is_no_longer_so() -> None:
    back = result(photo(xmp=XMP, comment=b"hello"), "keep")
    found = back.getexif()
    assert found[Base.Make] == "Camera works" and found[Base.Artist] == "Ada Example"
    assert found.get_ifd(ExifTags.IFD.GPSInfo)[2] == (52.0, 31.0, 12.0)
    assert found.get_ifd(Exif)[Base.BodySerialNumber] == "12345"
    assert found.get(Base.Orientation, 1) == 1  # the pixels are upright now
    assert Base.ExifImageWidth not in found.get_ifd(Exif)
    assert not found.get_ifd(ExifTags.IFD.IFD1)
    assert b"GPSLatitude" in back.info["xmp"] and back.info["comment"] == b"hello"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_keep_keeps_xmp_in_every_format_that_has_it(kind: str) -> None:
    found = result(photo(kind), "keep")
    assert found.getexif()[Base.Make] == "Camera works"
    picture = read(photo(xmp=XMP), metadata="keep")
    image = Image.open(io.BytesIO(encode(picture.restore(picture.levels), kind)))
    image.load()
    xmp = image.info.get("xmp") or getattr(image, "text", {}).get("XML:com.adobe.xmp", "").encode()
    assert b"GPSLatitude" in xmp and image.getexif()[Base.Make] == "Camera works"


def test_none_keeps_nothing() -> None:
    back = result(photo(xmp=XMP), "none")
    assert not dict(back.getexif())
    assert not {"exif", "xmp", "icc_profile", "comment"} & back.info.keys()
    assert back.info.get("dpi") in (None, (72, 72))


def test_safe_takes_from_xmp_and_from_the_text_of_png_what_exif_lacks() -> None:
    back = result(photo(exif=b"", xmp=XMP))
    found = back.getexif()
    assert (found[Base.Artist], found[Base.Copyright]) == ("Ada Example", "CC BY 4.0")
    assert found.get_ifd(Exif)[Base.DateTimeOriginal] == "2024:05:06 07:08:09"
    assert "xmp" not in back.info and b"GPS" not in back.info["exif"]
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", "Ada Example")
    texts.add_itxt("Description", "Łódź")
    texts.add_text("parameters", "a prompt of some length")
    back = result(photo("PNG", exif=b"", pnginfo=texts))
    assert back.getexif()[Base.Artist] == "Ada Example"
    assert back.text == {"Author": "Ada Example", "Description": "Łódź"}
    assert result(photo("PNG", pnginfo=texts), "keep").text["parameters"] == "a prompt of some length"


def test_a_file_with_an_entity_bomb_for_xmp_is_read_without_it() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&a;</x:xmpmeta>'
    assert not dict(result(photo(exif=b"", xmp=bomb)).getexif())


def test_damaged_exif_costs_the_metadata_and_not_the_picture() -> None:
    with pytest.warns(UserWarning):
        back = result(photo(exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12\0\x03\xff\xff\xff\xff" * 3))
    assert back.size == (64, 48)


def test_exif_that_jpeg_cannot_hold_is_left_out_with_a_warning() -> None:
    large = exif()
    large[Exif] = {Base.MakerNote: bytes(80_000)}
    data = photo("PNG", exif=large.tobytes())
    picture = read(data, metadata="keep")
    with pytest.warns(UserWarning, match="EXIF"):
        again = encode(Image.open(io.BytesIO(picture.restore(picture.levels))), "jpeg")
    assert Image.open(io.BytesIO(again)).size == (48, 64)


def test_a_pil_image_that_comes_back_has_it_and_write_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo())
    for image in (path, Image.open(path)):
        picture = read(image)
        back = picture.restore(picture.levels)
        write(back, tmp_path / "out.png", overwrite=True)
        found = Image.open(tmp_path / "out.png")
        assert found.getexif()[Base.Copyright] == "(c) 2024 Ada Example"
        assert not found.getexif().get_ifd(ExifTags.IFD.GPSInfo)
        assert np.allclose([float(dpi) for dpi in found.info["dpi"]], 300, atol=0.01)


def test_the_same_picture_gives_the_same_bytes() -> None:
    first, second = (read(photo()) for _ in range(2))
    assert first.restore(first.levels) == second.restore(second.levels)


def test_other_values_are_refused() -> None:
    assert StylizeOptions().metadata == "safe"
    with pytest.raises(OptionError, match="some"):
        StylizeOptions(metadata="some")  # type: ignore[arg-type]


NAMES = {Base.Artist: "Zoë Ärtist".encode(), Base.Copyright: "© 2024 Zoë".encode("latin-1")}


def with_names(kind: str) -> bytes:
    """A file with texts that are not ASCII: one in UTF-8, as most programs write it, and one in Latin-1."""
    plain, made = {tag: chr(tag % 26 + 65) * len(name) for tag, name in NAMES.items()}, Image.Exif()
    made.update(plain)

    def named(data: bytes) -> bytes:
        for tag, name in NAMES.items():
            data = data.replace(plain[tag].encode(), name)
        return data

    # Pillow writes only ASCII itself
    return named(photo(kind, exif=made.tobytes())) if kind == "TIFF" else photo(kind, exif=named(made.tobytes()))


@pytest.mark.parametrize("choice", ["safe", "keep"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_names_in_any_script_stay_as_they_were(kind: str, choice: str) -> None:
    back = result(with_names(kind), choice).getexif()
    assert {tag: back[tag].encode("latin-1") for tag in NAMES} == NAMES


def test_names_from_xmp_and_from_the_text_of_png_are_in_utf_8() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("Author", "Łukasz 山田")
    for data in (
        photo("JPEG", exif=b"", xmp=XMP.replace(b"Ada Example", "Łukasz 山田".encode())),
        photo("PNG", exif=b"", pnginfo=texts),
    ):
        assert result(data).getexif()[Base.Artist].encode("latin-1").decode() == "Łukasz 山田"

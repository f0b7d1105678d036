"""Photos are made safe in a real worker by real Pillow: nothing but the picture is left, and no file does harm."""

import io
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from gateway.journey import filetypes, photos
from gateway.journey.photos import BadPhoto, Limits, Photo
from gateway.workers import Workers

LIMITS = Limits(most_bytes=2_000_000, most_pixels=4_000_000, longest_side=1024, preview_side=240)
SECRET = b"Canon-of-Anna"
GPS = {1: "N", 2: (31.0, 14.0, 9.6), 3: "E", 4: (121.0, 30.0, 0.0)}


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    pool = Workers(1)
    yield pool
    await pool.stop()


def picture(size: tuple[int, int] = (60, 40), mode: str = "RGB") -> Image.Image:
    """Red above, blue below."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (0, size[1] // 2, size[0], size[1]))
    return image.convert(mode)


def written(image: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def exif(gps: dict[int, Any] | None = None, orientation: int | None = None) -> Image.Exif:
    told = Image.Exif()
    told[0x010F] = SECRET.decode()
    if orientation:
        told[0x0112] = orientation
    if gps:
        told.get_ifd(0x8825).update(gps)
    return told


def full_of_metadata() -> bytes:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return written(
        picture((1600, 900)), "JPEG", exif=exif(GPS), comment=SECRET, xmp=b"<x>" + SECRET + b"</x>", icc_profile=profile
    )


async def test_only_the_picture_is_left(workers: Workers) -> None:
    before = full_of_metadata()
    assert before.count(SECRET) == 3
    photo = await workers.run(photos.prepare, before, LIMITS, timeout=20)
    for data in (photo.data, photo.preview):
        for trace in (SECRET, b"Exif", b"ICC_PROFILE", b"ICCP", b"http://ns.adobe.com", b"XMP"):
            assert trace not in data
        opened = Image.open(io.BytesIO(data))
        assert not set(opened.info) & {"exif", "xmp", "icc_profile", "comment", "photoshop", "dpi"}
        assert dict(opened.getexif()) == {}
    assert (photo.lat, photo.lon) == (31.236, 121.5)
    assert (photo.width, photo.height) == (1024, 576) == Image.open(io.BytesIO(photo.data)).size
    assert filetypes.recognise(photo.data) == photos.TYPE
    assert filetypes.recognise(photo.preview) == photos.PREVIEW_TYPE
    assert Image.open(io.BytesIO(photo.preview)).size == (240, 135)


@pytest.mark.parametrize(
    ("gps", "place"),
    [
        (GPS | {1: "S", 3: "W"}, (-31.236, -121.5)),
        (GPS | {2: (91.0, 0.0, 0.0)}, (None, None)),
        (GPS | {4: (181.0, 0.0, 0.0)}, (None, None)),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, (None, None)),
        ({2: (31.0, 0.0, 0.0), 4: (121.0, 0.0, 0.0)}, (None, None)),
        ({1: "N", 2: (31.0,), 3: "E", 4: (121.0, 0.0, 0.0)}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_a_place_is_believed_only_when_it_makes_sense(gps: dict[int, Any], place: tuple[Any, Any]) -> None:
    photo = photos.prepare(written(picture(), "JPEG", exif=exif(gps)), LIMITS)
    assert (photo.lat, photo.lon) == place


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_photos_stand_upright(orientation: int, form: str) -> None:
    """Pillow's own way of turning says how the picture must look."""
    from PIL import ImageOps

    before = written(picture((64, 32)), form, exif=exif(orientation=orientation))
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(before))).convert("RGB")
    after = Image.open(io.BytesIO(photos.prepare(before, LIMITS).data))
    assert after.size == expected.size
    corner = (2, 2)
    for one, other in zip(_colour(after, corner), _colour(expected, corner), strict=True):
        assert abs(one - other) < 24


def _colour(image: Image.Image, at: tuple[int, int]) -> tuple[int, ...]:
    colour = image.getpixel(at)
    assert isinstance(colour, tuple)
    return colour


def heic() -> bytes:
    pillow_heif.register_heif_opener()
    return written(picture(), "HEIF", exif=exif(GPS))


def animated(form: str) -> bytes:
    return written(picture(), form, save_all=True, append_images=[Image.new("RGB", (60, 40), "green")], duration=50)


MADE: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: written(picture(), "JPEG"),
    "jpeg of printers' colours": lambda: written(picture(mode="CMYK"), "JPEG"),
    "jpeg of greys": lambda: written(picture(mode="L"), "JPEG"),
    "png": lambda: written(picture(), "PNG"),
    "png with a list of colours": lambda: written(picture(mode="P"), "PNG"),
    "png of black and white": lambda: written(picture(mode="1"), "PNG"),
    "png of deep greys": lambda: written(Image.new("I;16", (60, 40), 30_000), "PNG"),
    "png see-through": lambda: written(picture(mode="RGBA"), "PNG"),
    "webp": lambda: written(picture(), "WEBP"),
    "gif": lambda: written(picture(mode="P"), "GIF"),
    "gif that moves": lambda: animated("GIF"),
    "webp that moves": lambda: animated("WEBP"),
    "png that moves": lambda: animated("PNG"),
    "bmp": lambda: written(picture(), "BMP"),
    "avif": lambda: written(picture(), "AVIF"),
    "heic": heic,
    "two pictures in one": lambda: written(picture(), "MPO", save_all=True, append_images=[picture()]),
    "thin": lambda: written(Image.new("RGB", (1, 4000), "red"), "PNG"),
}


@pytest.mark.parametrize("name", MADE)
async def test_every_kind_becomes_one_kind(workers: Workers, name: str) -> None:
    data = MADE[name]()
    kind = filetypes.recognise(data[: filetypes.HEAD])
    assert kind
    assert filetypes.is_photo(kind)
    photo = await workers.run(photos.prepare, data, LIMITS, timeout=20)
    clean = Image.open(io.BytesIO(photo.data))
    assert (clean.format, clean.mode) == ("JPEG", "RGB")
    if name not in ("png of deep greys", "thin", "jpeg of greys", "png of black and white"):
        red = _colour(clean, (5, 5))
        assert red[0] > 180
        assert max(red[1:]) < 90


def test_an_iphones_photo_tells_its_place_too() -> None:
    photo = photos.prepare(heic(), LIMITS)
    assert (photo.lat, photo.lon) == (31.236, 121.5)
    assert SECRET not in photo.data


def test_what_is_see_through_lies_on_white() -> None:
    clean = Image.open(io.BytesIO(photos.prepare(written(Image.new("RGBA", (9, 9)), "PNG"), LIMITS).data))
    assert min(_colour(clean, (4, 4))) > 250


def claiming(width: int, height: int) -> bytes:
    """A small PNG whose header claims a size, with as much black as packs into a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def text_bomb() -> bytes:
    told = PngImagePlugin.PngInfo()
    told.add_text("x", "y" * 100_000_000, zip=True)
    return written(picture(), "PNG", pnginfo=told)


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "a bomb": (lambda: claiming(30_000, 30_000), "too large"),
    "more than a bomb": (lambda: claiming(2_000_000_000, 2_000_000_000), "too large"),
    "a bit too large": (lambda: written(Image.new("1", (2001, 2000)), "PNG"), "too large"),
    "too many bytes": (lambda: bytes(2_000_001), "too large"),
    "a bomb of words": (text_bomb, "damaged"),
    "cut off": (lambda: full_of_metadata()[:-400], "damaged"),
    "cut off early": (lambda: full_of_metadata()[:200], "damaged"),
    "only its beginning": (lambda: b"\xff\xd8\xff\xe0", "damaged"),
    "a vector drawing": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "damaged"),
    "a page": (lambda: b"<html>", "damaged"),
    "PostScript": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "damaged"),
    "TIFF": (lambda: written(picture(), "TIFF"), "damaged"),
    "nothing": (lambda: b"", "damaged"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_pictures_are_refused_in_words(workers: Workers, name: str) -> None:
    make, words = BAD[name]
    with pytest.raises(BadPhoto, match=words):
        await workers.run(photos.prepare, make(), LIMITS, timeout=20)


SAMPLES = [full_of_metadata(), *(MADE[name]() for name in ("png", "webp", "gif that moves", "avif", "heic"))]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_no_damage_does_more_than_refuse(sample: bytes, data: st.DataObject) -> None:
    broken = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 5))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    try:
        photo = photos.prepare(bytes(broken), LIMITS)
    except BadPhoto:
        return
    assert isinstance(photo, Photo)
    assert SECRET not in photo.data

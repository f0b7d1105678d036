"""A citizen's photo made safe to show; runs in a worker process, for bad pictures crash libraries or eat memory.

Only the picture itself goes on: it is decoded within bounds, turned upright, brought into the colours of screens and
written anew, so that no metadata (place, device, comments, hidden thumbnails) and nothing hidden behind the picture
is left. Where it was taken is read before.
"""

import io
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import EverylineError

if TYPE_CHECKING:
    from PIL.Image import Image

TYPE, PREVIEW_TYPE = "image/jpeg", "image/webp"
# What Pillow may open: what telephones, screens and chat programs make, and nothing older or stranger.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF", "HEIF")
QUALITY, PREVIEW_QUALITY = 85, 75
_ORIENTATION, _GPS = 0x0112, 0x8825
_LATITUDE, _LONGITUDE = (1, 2), (3, 4)


class BadPhoto(EverylineError):
    """The picture cannot be used; the message says why and holds nothing of its content."""

    status = 422
    title = "Unusable picture"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a picture may be, and how long its sides become: of the one shown whole, and of its preview."""

    most_bytes: int
    most_pixels: int
    longest_side: int
    preview_side: int


@dataclass(frozen=True, slots=True)
class Photo:
    """A clean JPEG with its size, a WebP preview, and where it was taken when it told."""

    data: bytes
    width: int
    height: int
    preview: bytes
    lat: float | None
    lon: float | None


def prepare(source: bytes | Path, limits: Limits) -> Photo:
    """Make a picture (its bytes or its file) safe to show. Raises `BadPhoto`."""
    data = _bounded(source, limits.most_bytes)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of broken metadata: it is dropped anyway
            return _prepared(data, limits)
    except BadPhoto:
        raise
    except MemoryError as error:
        raise BadPhoto("this picture is too large to open") from error
    except Exception as error:  # whatever a decoder says of a stranger's file
        raise BadPhoto("this picture is damaged or cut off") from error


def _bounded(source: bytes | Path, most_bytes: int) -> bytes:
    if isinstance(source, Path):
        with source.open("rb") as file:
            source = file.read(most_bytes + 1)
    if len(source) > most_bytes:
        raise BadPhoto("this picture is too large to open")
    return source


def _prepared(data: bytes, limits: Limits) -> Photo:
    image = _opened(data, limits)
    lat, lon = _place(image)
    orientation = image.getexif().get(_ORIENTATION)
    # A JPEG is decoded at an eighth, a quarter or half of its size when that is enough: less memory and time.
    image.draft("RGB", (limits.longest_side, limits.longest_side))
    image.load()
    profile = image.info.get("icc_profile")
    if image.mode in ("1", "P"):
        image = image.convert("RGBA")  # colours out of a list cannot be mixed, and so not made smaller
    image.thumbnail((limits.longest_side, limits.longest_side))
    shown = _upright(_flat(_in_screen_colours(image, profile)), orientation)
    clean = _bare(shown)
    preview = _bare(shown)
    preview.thumbnail((limits.preview_side, limits.preview_side))
    return Photo(
        data=_written(clean, "JPEG", quality=QUALITY, optimize=True, progressive=True),
        width=clean.width,
        height=clean.height,
        preview=_written(preview, "WEBP", quality=PREVIEW_QUALITY),
        lat=lat,
        lon=lon,
    )


def _opened(data: bytes, limits: Limits) -> "Image":
    """Read a picture's header, and refuse what claims more pixels than memory should hold."""
    from PIL import Image

    _with_heif()
    # Pillow itself refuses twice this, in every frame and before anything is decoded.
    Image.MAX_IMAGE_PIXELS = limits.most_pixels
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise BadPhoto("this picture is too large to open") from error
    if image.width * image.height > limits.most_pixels:
        raise BadPhoto("this picture is too large to open")
    return image


def _with_heif() -> None:
    """Teach Pillow the photos of iPhones, when the optional library for them is installed."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return
    register_heif_opener(thumbnails=False)


def _place(image: "Image") -> tuple[float | None, float | None]:
    """Where the picture says that it was taken; nowhere when that makes no sense."""
    try:
        told: Mapping[int, Any] = image.getexif().get_ifd(_GPS)
        lat, lon = _degrees(told, _LATITUDE, "S", 90), _degrees(told, _LONGITUDE, "W", 180)
    except Exception:  # noqa: BLE001  (metadata is as broken as programs make it, and no reason to lose a photo)
        return None, None
    # Devices without a fix write zeros: that is a spot in the sea.
    if lat is None or lon is None or (abs(lat) < 0.01 and abs(lon) < 0.01):
        return None, None
    return lat, lon


def _degrees(told: Mapping[int, Any], tags: tuple[int, int], negative: str, most: int) -> float | None:
    """Degrees, minutes and seconds with their hemisphere as one number."""
    hemisphere, parts = tags
    if hemisphere not in told or parts not in told:
        return None
    degrees, minutes, seconds = (float(part) for part in told[parts])
    value = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(value) or not 0 <= value <= most:
        return None
    return round(-value if str(told[hemisphere]).strip("\0 ").upper() == negative else value, 6)


def _in_screen_colours(image: "Image", profile: bytes | None) -> "Image":
    """Bring wide or printers' colours into those of every screen; the profile itself is dropped."""
    from PIL import ImageCms

    if not profile or image.mode not in ("RGB", "CMYK", "L"):
        return image
    try:
        known = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, known, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted or image


def _flat(image: "Image") -> "Image":
    """Three colours and nothing else: what is see-through lies on white, deep greys become usual ones."""
    from PIL import Image

    if image.has_transparency_data:
        image = image.convert("RGBA")
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        return ground
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image.convert("RGB")


def _upright(image: "Image", orientation: object) -> "Image":
    """Turn the picture as its camera was held."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(orientation) if isinstance(orientation, int) else None
    return image if turn is None else image.transpose(turn)


def _bare(image: "Image") -> "Image":
    """The same pixels in a new picture, which has never heard of the old one's metadata."""
    from PIL import Image

    bare = Image.new("RGB", image.size)
    bare.paste(image)
    return bare


def _written(image: "Image", form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()

"""What is the city's own on our pages: its colour, as the tints they need, its logo, and the sign of their window.

One colour is set (`[city] accent`). Filled buttons carry it as it is; their words are white or black, whichever reads
better. Where it is a text or a thin line it is made darker (in the dark: lighter) until it reads, its hue kept.
Contrast is that of WCAG 2.2: 4.5 for text.
"""

import colorsys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from aiohttp import hdrs, web

from gateway.sections import City
from gateway.web.assets import FOR_EVER

READABLE = 4.5
# On dark pages thin letters glow and need more.
READABLE_DARK = 6.5
# What the tints stand on, as in tokens.css and dark.css: the page and what is sunk into it.
LIGHT, DARK = ("#fbfaf8", "#f2f1ed", "#ffffff"), ("#101418", "#171c21", "#0b0e11")
WHITE, BLACK = "#ffffff", "#000000"
STEP = 0.005
COLOURS, ICON, LOGO = "/city.css", "/city-icon.svg", "/city-logo"
LOGO_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
# One line that becomes many.
SIGN = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="{fill}"/>'
    '<path d="M4 16h8M15 16c7 0 5-8 13-8M15 16h13M15 16c7 0 5 8 13 8" fill="none" stroke="{line}" stroke-width="3" '
    'stroke-linecap="round"/><circle cx="13" cy="16" r="4.2" fill="{line}"/></svg>'
)


def stylesheet(accent: str) -> str:
    """The tints of an accent ("#rrggbb") as custom properties, for light and dark pages."""
    soft, soft_dark = _mixed(accent, LIGHT[2], 0.09), _mixed(accent, DARK[1], 0.22)
    # In the dark a deep colour would sink: what is filled with it is lifted until it stands out.
    fill_dark = _readable(accent, (DARK[0],), STEP)
    tints = {
        "fill": accent,
        "on-fill": _words_on(accent),
        "text": _readable(accent, (*LIGHT, soft), -STEP),
        "soft": soft,
        "fill-dark": fill_dark,
        "on-fill-dark": _words_on(fill_dark),
        "text-dark": _readable(accent, (*DARK, soft_dark), STEP, READABLE_DARK),
        "soft-dark": soft_dark,
    }
    return ":root {" + " ".join(f"--city-{name}: {tint};" for name, tint in tints.items()) + "}\n"


def contrast(one: str, other: str) -> float:
    """How well one colour reads on another, from 1 (not at all) to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@dataclass(frozen=True, slots=True)
class Livery:
    """The addresses of a city's own files, each of which changes with what it holds; no logo where none is set."""

    colours: str
    icon: str
    logo: str | None


def livery(city: City) -> Livery:
    """Where pages find what is the city's own."""
    addresses = {path: _address(path, body) for path, (body, _) in _files(city).items()}
    return Livery(addresses[COLOURS], addresses[ICON], addresses.get(LOGO))


def routes(city: City) -> list[web.RouteDef]:
    """Where the city's own files are read."""
    return [_route(path, body, kind) for path, (body, kind) in _files(city).items()]


def _files(city: City) -> dict[str, tuple[bytes, str]]:
    """The content and type of each, by path."""
    files = {
        COLOURS: (stylesheet(city.accent).encode(), "text/css"),
        ICON: (SIGN.format(fill=city.accent, line=_words_on(city.accent)).encode(), "image/svg+xml"),
    }
    if city.logo:
        files[LOGO] = city.logo.read_bytes(), LOGO_TYPES[city.logo.suffix.lower()]
    return files


def _route(path: str, body: bytes, kind: str) -> web.RouteDef:
    known = _address(path, body)

    async def read(request: web.Request) -> web.Response:
        caching = FOR_EVER if known.endswith("?" + request.query_string) else "no-cache"
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: kind, hdrs.CACHE_CONTROL: caching})

    return web.get(path, read)


def _address(path: str, body: bytes) -> str:
    return f"{path}?v={sha256(body).hexdigest()[:12]}"


def _words_on(fill: str) -> str:
    return max(WHITE, BLACK, key=lambda words: contrast(words, fill))


def _readable(colour: str, grounds: tuple[str, ...], step: float, enough: float = READABLE) -> str:
    """The nearest lighter (or, by a negative step, darker) shade of a colour that reads on all these grounds."""
    shades = _shades(colour, step)
    return next(shade for shade in shades if all(contrast(shade, ground) >= enough for ground in grounds))


def _shades(colour: str, step: float) -> Iterator[str]:
    hue, lightness, saturation = colorsys.rgb_to_hls(*_parts(colour))
    while 0 <= lightness <= 1:
        yield _named(colorsys.hls_to_rgb(hue, lightness, saturation))
        lightness += step
    yield WHITE if step > 0 else BLACK


def _mixed(colour: str, ground: str, share: float) -> str:
    pairs = zip(_parts(colour), _parts(ground), strict=True)
    red, green, blue = (share * part + (1 - share) * under for part, under in pairs)
    return _named((red, green, blue))


def _parts(colour: str) -> tuple[float, float, float]:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red / 255, green / 255, blue / 255


def _named(parts: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in parts)


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

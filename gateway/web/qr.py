"""QR codes drawn into pages: a number to call, a text to write, an address to open, for the telephone in one's hand."""

from functools import lru_cache

import segno
from markupsafe import Markup

# Squares of white around the dark ones, as readers need them (ISO/IEC 18004).
QUIET = 2


@lru_cache(maxsize=256)
def drawn(content: str, words: str) -> Markup:
    """A code as inline SVG, with the words that say what it is for to who cannot see it."""
    code = segno.make_qr(content, error="m")
    side = code.symbol_size(border=QUIET)[0]
    squares = code.svg_inline(border=QUIET, svgclass=None, lineclass=None, omitsize=True, title=None)
    path = squares[squares.index("<path") : squares.index("/>") + 2]
    return Markup(
        '<svg class="qr" viewBox="0 0 {side} {side}" role="img" aria-label="{words}">'
        '<rect width="{side}" height="{side}" fill="#fff"></rect>{path}</svg>'
    ).format(side=side, words=words, path=Markup(path))  # noqa: S704  (segno's own numbers)

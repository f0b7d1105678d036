"""Pages that are drawn for one who asks, packed for the way.

A page with a form's token, and any page of staff or of somebody's own, goes out as it is. Whoever can have a victim's
browser ask for such a page, with words of his own in it, and sees how long the answers are on the line, could otherwise
guess the token letter by letter: what repeats it packs better (BREACH, CVE-2013-3587). Pages of one's own all hold a
token, as they hold forms. What is left is the same to everybody, but for words that were typed into the address.
"""

import zlib
from functools import lru_cache

from aiohttp import hdrs, web

from gateway.web.keys import ACCOUNT, TOKEN_DRAWN

# What goes in one piece over the line anyway.
SMALL = 1400
# The page waits for it: the quickest level packs five sixths of what the best does.
LEVEL = 1
# A window of 8 KB (and the header of gzip), and the memory that goes with it: a page comes out a hundredth larger, and
# no fresh memory has to be had from the system each time, which takes as long as the packing.
WINDOW, MEMORY = 16 + 13, 7
# Drawn pages that came out alike are packed once: as many as are shown again and again, some 10 KB each.
PAGES = 128


def pack(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """The same answer, packed where that gives nothing away and the browser takes it."""
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes) or len(response.body) < SMALL:
        return response
    if response.content_type != "text/html" or request.get(TOKEN_DRAWN, False) or ACCOUNT in request:
        return response
    response.headers.add(hdrs.VARY, hdrs.ACCEPT_ENCODING)
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        response.body = _packed(response.body)
        response.headers[hdrs.CONTENT_ENCODING] = "gzip"
    return response


@lru_cache(PAGES)
def _packed(page: bytes) -> bytes:
    packing = zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW, MEMORY)
    return packing.compress(page) + packing.flush()

"""Forms with files: larger than other requests, read once, and let go of afterwards."""

import asyncio

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler

from gateway.errors import BadInput, TooLarge
from gateway.web.keys import TYPED

TYPE = "multipart/form-data"
# A form with files has a few dozen parts, and a slow telephone needs minutes for them.
MOST_PARTS = 100
UPLOAD_LIMIT = 300.0

# That a form in parts was read to its end.
READ = web.RequestKey("read", bool)


async def take(request: web.Request, most_bytes: int, handler: Handler) -> web.StreamResponse:
    """Handle a form that may be larger than other requests; what is learned of its sender is told the outer ones."""
    wide = request.clone(client_max_size=most_bytes, client_max_fields=MOST_PARTS)
    try:
        if (request.content_length or 0) > most_bytes:
            raise web.HTTPRequestEntityTooLarge(most_bytes)
        return await handler(wide)
    except web.HTTPRequestEntityTooLarge as error:
        raise TooLarge(f"at most {most_bytes} bytes are taken at once") from error
    finally:
        for key, value in wide.items():
            request[key] = value
        await _let_go(wide)


async def _let_go(request: web.Request) -> None:
    """Delete the files that the parts of a form lay in while it was handled."""
    if request.get(READ):
        for value in (await request.post()).values():
            if isinstance(value, web.FileField):
                value.file.close()


async def read(request: web.Request) -> None:
    """Read a form in parts, once for all who ask for it. Raises `BadInput` for one that is broken or never ends."""
    if request.content_type != TYPE:
        return
    try:
        async with asyncio.timeout(UPLOAD_LIMIT):
            form = await request.post()
    except TimeoutError as error:
        raise BadInput("this took too long to arrive; send it again") from error
    except (ValueError, LookupError, AssertionError, RuntimeError, HttpProcessingError) as error:
        raise BadInput("this form cannot be read") from error
    request[READ] = True
    fields: list[tuple[str, object]] = [(name, value) for name, value in form.items()]
    request[TYPED] = fields

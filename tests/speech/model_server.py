"""A publisher of models on this machine: a file with Range and ETag, a line that breaks, and a file that changes."""

import hashlib

from aiohttp import web
from aiohttp.test_utils import TestServer


class Publisher:
    """Serves `data` at `/model.zip`; `cuts` says after how many bytes of each next answer the line breaks."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.cuts: list[int] = []
        self.statuses: list[int] = []
        self.ranges = True
        self.weak = False
        self.asked: list[tuple[str | None, int]] = []
        self._server: TestServer | None = None

    async def start(self) -> str:
        """Listen; gives the file's address."""
        app = web.Application()
        app.router.add_get("/{name}", self._serve)
        self._server = TestServer(app)
        await self._server.start_server()
        return str(self._server.make_url("/model.zip"))

    async def close(self) -> None:
        """Listen no more."""
        if self._server:
            await self._server.close()

    @property
    def etag(self) -> str:
        return f'{"W/" if self.weak else ""}"{hashlib.sha256(self.data).hexdigest()[:16]}"'

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        wanted = request.headers.get("Range")
        if self.statuses:
            self.asked.append((wanted, self.statuses[0]))
            return web.Response(status=self.statuses.pop(0))
        start, status = 0, 200
        same = request.headers.get("If-Range") in (None, self.etag)
        if wanted and self.ranges and same:
            start, status = int(wanted.removeprefix("bytes=").rstrip("-")), 206
            if start >= len(self.data):
                status = 416
        self.asked.append((wanted, status))
        if status == 416:
            return web.Response(status=416)
        rest = self.data[start:]
        response = web.StreamResponse(status=status, headers={"ETag": self.etag, "Content-Length": str(len(rest))})
        if status == 206:
            response.headers["Content-Range"] = f"bytes {start}-{len(self.data) - 1}/{len(self.data)}"
        await response.prepare(request)
        if self.cuts and (cut := self.cuts.pop(0)) < len(rest):
            await response.write(rest[:cut])
            assert request.transport
            request.transport.close()
            return response
        await response.write(rest)
        return response

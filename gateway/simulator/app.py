"""The simulator as one thing to start, stop and ask: for `run.py demo` and for tests."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from aiohttp import web

from gateway.simulator import calls, texting
from gateway.simulator.account import is_local, is_loopback, is_number, open_account
from gateway.simulator.attachments import Attachment, File
from gateway.simulator.caller import INSTANT, At, Caller, CallLog, Pace
from gateway.simulator.faults import Faults
from gateway.simulator.handsets import Handset
from gateway.simulator.messages import Message
from gateway.simulator.network import Delays, Network
from gateway.simulator.page import HandsetsPage, guard
from gateway.simulator.recordings import Recording
from gateway.simulator.rest import RestApi
from gateway.simulator.webhooks import TIMEOUT, Webhooks

# A text with its files, which are a third longer as JSON.
LARGEST_REQUEST = 8 * 1024 * 1024
# Within it open streams and hanging answers are ended; the whole stop takes less than a second.
STOP_LIMIT = 0.3


class Simulator:
    """A carrier with Twilio's API, virtual handsets and callers, on this machine only.

    `gateway_url` is where webhooks go and what they are signed with; it may be set again after the start.
    `port` 0 takes any free one. `webhook_timeout` is in seconds. Raises ValueError for anything but loopback.
    """

    # Whom it stands in for: the name that channels give their carrier.
    carrier: ClassVar[str] = "twilio"

    def __init__(
        self,
        *,
        gateway_url: str,
        host: str = "127.0.0.1",
        port: int = 0,
        advanced_opt_out: bool = False,
        delays: Delays | None = None,
        webhook_timeout: float = TIMEOUT,
    ) -> None:
        if not is_loopback(host):
            raise ValueError(f"the simulator listens on this machine only, not on {host}")
        self._host, self._port, self._timeout = host, port, webhook_timeout
        self._account, self._delays = open_account(), delays or Delays()
        self._advanced_opt_out = advanced_opt_out
        self._runner: web.AppRunner | None = None
        self._network: Network | None = None
        self.gateway_url = gateway_url

    @property
    def account_sid(self) -> str:
        """The gateway's account with this carrier."""
        return self._account.sid

    @property
    def auth_token(self) -> str:
        """The secret of the account; it is another one at each start."""
        return self._account.token

    @property
    def number(self) -> str:
        """The city's number, for texts and calls."""
        return self._account.number

    @property
    def gateway_url(self) -> str:
        """The gateway's public URL."""
        return self._gateway_url

    @gateway_url.setter
    def gateway_url(self, url: str) -> None:
        if not is_local(url):
            raise ValueError(f"the simulator only speaks to a gateway on this machine, not at {url}")
        self._gateway_url = url
        if self._network is not None:
            self._network.gateway_url = url

    @property
    def url(self) -> str:
        """The root of the API, and of the handsets page."""
        return self._running.url

    @property
    def faults(self) -> Faults:
        """What is made to go wrong."""
        return self._running.faults

    def environment(self) -> dict[str, str]:
        """The credentials of the account, under the names a gateway reads them by."""
        return {
            "EVERYLINE_TWILIO_ACCOUNT_SID": self.account_sid,
            "EVERYLINE_TWILIO_AUTH_TOKEN": self.auth_token,
            "EVERYLINE_TWILIO_NUMBER": self.number,
            "EVERYLINE_TWILIO_API_URL": self.url,
        }

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        network = Network(
            account=self._account,
            gateway_url=self._gateway_url,
            webhooks=Webhooks(self._account.token, self._timeout),
            delays=self._delays,
            advanced_opt_out=self._advanced_opt_out,
        )
        app = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[guard])
        app.add_routes([*RestApi(network).routes(), *HandsetsPage(network, self.begin_call).routes()])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_LIMIT, handler_cancellation=True)
        self._network = network
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, self._host, self._port).start()
        except BaseException:
            await self.stop()
            raise
        host, port = self._runner.addresses[0][:2]
        network.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def stop(self) -> None:
        """End all calls, deliveries and pages; what lay on the handsets stays readable."""
        if self._network is not None:
            await self._network.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def handset(self, number: str) -> Handset:
        """One phone; its `messages` are what it sent and received."""
        return self._running.handsets.get(number)

    def attachment(self, sid: str) -> Attachment | None:
        """One file that came with a text, also when the carrier has deleted its copy."""
        return self._running.attachments.get(sid)

    def recording(self, sid: str) -> Recording | None:
        """One recording, as long as the carrier keeps it."""
        return self._running.recordings.get(sid)

    def switch(self, number: str, *, on: bool) -> None:
        """Switch a handset off, so that nothing can be delivered to it, or on again."""
        handset = self.handset(number)
        handset.on = on
        self._running.handsets.tell(handset)

    async def text(
        self, from_: str, body: str, *, files: Sequence[File] = (), message_sid: str | None = None, repeat: int = 1
    ) -> list[int]:
        """Send a text from a handset to the city; the HTTP status of each request made (0: no answer).

        A request that fails with 5xx or by time is made once more. `repeat` tells the gateway of the same message
        that many times, the `message_sid` of an earlier one tells of that again.
        """
        return await texting.text(self._running, from_, body, files=files, sid=message_sid, repeat=repeat)

    async def call(
        self,
        from_: str,
        *,
        keys: Sequence[str] = (),
        wav: bytes | Path | str | None = None,
        finish: str = "",
        hang_up: At | str | None = None,
        pace: Pace = INSTANT,
    ) -> CallLog:
        """Call the hotline by a script and give back what happened, when it is over.

        `keys` are pressed at one Gather each, `wav` is said at the first Record and ended by the key `finish`;
        `hang_up` is the first thing at which the caller hangs up (at `record`: after speaking).
        """
        sound = await asyncio.to_thread(Path(wav).read_bytes) if isinstance(wav, (str, Path)) else wav
        sounds = [sound] if sound else []
        caller = Caller(keys=keys, sounds=sounds, finish=finish, hang_up=At(hang_up) if hang_up else None, pace=pace)
        _, task = self.begin_call(from_, caller)
        return await task

    def begin_call(self, from_: str, caller: Caller) -> tuple[CallLog, "asyncio.Task[CallLog]"]:
        """Start a call in the background; its log fills while it goes on."""
        network = self._running
        log = CallLog(from_, self.number)
        network.keep_call(log, caller)
        if is_number(from_):
            network.handsets.get(from_).calls.append(log)
        return log, network.spawn(calls.Call(network, caller, log).run(), f"call {log.sid}")

    async def wait_for(self, number: str, containing: str, timeout: float = 5.0) -> Message:
        """The first message on a handset with these words in it, as soon as it is there. Raises TimeoutError."""
        handset = self.handset(number)

        def found() -> Message | None:
            return next((message for message in handset.received if containing in message.body), None)

        await self._running.feed.wait(lambda: found() is not None, timeout)
        message = found()
        assert message is not None  # noqa: S101  # just waited for
        return message

    @property
    def _running(self) -> Network:
        if self._network is None:
            raise RuntimeError("the simulator is not started")
        return self._network

"""What a group of deliveries needs right before it is sent: looked up at once, checked, and put into words."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from channels.base import Channel, DeliveryKind
from gateway.errors import VaultError
from gateway.journey import feeding
from gateway.journey.expanding import FOLLOWER_PHRASES
from gateway.journey.wording import Wording
from gateway.runtime import Runtime
from gateway.schema import State
from gateway.schema_outgoing import Outgoing
from gateway.schema_public import PublicPost
from store import changes, citizens, posts
from store.broadcasts import Told
from store.changes import Changing
from store.deliveries import Claimed


@dataclass(frozen=True, slots=True)
class Known:
    """What was looked up: addresses with whether they said STOP, and posts, for subscribers as the public sees them."""

    addresses: Mapping[str, tuple[str, bool]]
    posts: Mapping[str, Changing] = field(default_factory=dict)
    public: Mapping[str, PublicPost] = field(default_factory=dict)

    def obstacle(self, claimed: Claimed) -> str | None:
        """Why a delivery is not to be said any more."""
        _, stopped = self.addresses.get(claimed.address_id or "", (None, False))
        if stopped and not claimed.despite_stop:
            return "stopped"
        post = self.posts.get(claimed.post_id or "")
        hidden = post is not None and post.state is not State.PUBLISHED
        if hidden and claimed.broadcast_id and claimed.phrase != FOLLOWER_PHRASES[Told.WITHDRAWN]:
            return "withdrawn"
        return None


class Preparer:
    """Prepares the deliveries of one channel."""

    def __init__(self, runtime: Runtime, channel: Channel) -> None:
        self._runtime = runtime
        self._wording = Wording(runtime, channel)
        self._subscribers = channel.capabilities.delivery is DeliveryKind.SUBSCRIBERS

    async def look_up(self, group: Collection[Claimed]) -> Known:
        """All that these need, with one question for each kind of thing."""
        ids = [one.address_id for one in group if one.address_id]
        about = list({one.post_id for one in group if one.post_id})
        async with self._runtime.database.reading() as connection:
            addresses = await citizens.unseal(connection, self._runtime.vault, ids) if ids else {}
            if self._subscribers:
                return Known(addresses, public=await posts.public_by_id(connection, about))
            return Known(addresses, await changes.load_many(connection, about))

    def outgoing(self, claimed: Claimed, known: Known) -> Outgoing | None:
        """What the channel is to send; None when whom it was for was erased meanwhile."""
        urn, _ = known.addresses.get(claimed.address_id or "", (None, False))
        if claimed.address_id and urn is None:
            return None
        if self._subscribers:
            return feeding.outgoing(self._runtime, claimed, urn, known.public.get(claimed.post_id or ""))
        try:
            text = self._wording.of(claimed, known.posts.get(claimed.post_id or ""))
        except VaultError:
            return None
        return Outgoing(
            delivery_id=claimed.id,
            address=urn,
            text=text,
            language=claimed.language,
            idempotency=self._runtime.vault.lookup(f"delivery:{claimed.id}")[:32],
            post_id=claimed.post_id,
        )

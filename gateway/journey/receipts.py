"""Step 7: what a carrier later says of a message moves its delivery forward, never back."""

from gateway.runtime import Runtime
from gateway.schema_outgoing import Receipt, ReceiptStatus
from store import outcomes


async def apply(runtime: Runtime, channel: str, receipt: Receipt) -> bool:
    """Keep a receipt, in any order and any number of times; false when it changed nothing.

    One that comes before the response which names its message is kept and applied with that response.
    """
    moved = await runtime.database.write(lambda transaction: outcomes.apply_receipt(transaction, channel, receipt))
    if moved and receipt.status is ReceiptStatus.DELIVERED:
        runtime.pulse.count(channel, "delivered")
    return moved

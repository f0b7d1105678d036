"""Where a page of posts ended, for whoever asks for the next."""

import base64
import binascii
from datetime import UTC, datetime

from gateway.errors import BadInput


def cursor_at(moment: datetime, post_id: str) -> str:
    """Where a page of posts ended, for whoever asks for the next."""
    return base64.urlsafe_b64encode(f"{moment.isoformat()}|{post_id}".encode()).decode().rstrip("=")


def position_of(cursor: str) -> tuple[datetime, str]:
    """What `cursor_at` was given. Raises `BadInput`."""
    try:
        moment, post_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("|")
        return datetime.fromisoformat(moment).astimezone(UTC), post_id
    except (binascii.Error, ValueError, OverflowError) as error:
        raise BadInput("this cursor was not given by us", "cursor") from error

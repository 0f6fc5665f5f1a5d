"""Names of subscriptions: inside they are numbers, outside ids."""

from mpps_console.api.answers import invalid
from mpps_console.parts import ConsoleParts
from mpps_core.desk import DraftFault
from mpps_core.errors import NotFound


async def ids_by_number(parts: ConsoleParts) -> dict[int, str]:
    """Return the ids of all subscriptions; what is not in it was removed."""
    return {item.number: item.id for item in (await parts.desk.all()).items}


async def number_of(parts: ConsoleParts, subscription_id: str | None) -> int | None:
    """Return the number for an id in a filter, ``None`` where nothing was given. Raises Problem 422."""
    if subscription_id is None:
        return None
    try:
        return (await parts.desk.get(subscription_id)).number
    except NotFound:
        raise invalid([DraftFault(path="query.subscription", detail="is not the id of a subscription")]) from None

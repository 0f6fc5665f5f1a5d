"""Who may do what here: operators read and test, admins change subscriptions; modalities and subscribers do neither."""

from typing import Final

from fastapi import Depends
from starlette.requests import Request

from mpps_web.keys import Role, requires
from mpps_web.problems import Problem

_OWN_SITES: Final = frozenset({"same-origin", "none"})


async def same_site(request: Request) -> None:
    """Refuse changes that a browser sends on behalf of another site. Raises Problem 403.

    Without keys nothing else would keep a page from anywhere from changing a manager on the reader's own machine.
    Programs other than browsers do not send the header.
    """
    if request.headers.get("sec-fetch-site", "none") not in _OWN_SITES:
        raise Problem(
            status=403,
            slug="cross-site",
            title="The request comes from another site",
            detail="Browsers may change something here only from pages of this manager.",
        )


MAY_READ: Final = Depends(requires(Role.OPERATOR))
MAY_TEST: Final = (Depends(same_site), Depends(requires(Role.OPERATOR)))
MAY_CHANGE: Final = (Depends(same_site), Depends(requires(Role.ADMIN)))

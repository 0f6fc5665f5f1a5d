"""The outside for people and programs: management API, its documentation, and the pages. Knows the core's ports only.

``api_router`` and ``pages_router`` make the routes from one ``ConsoleParts``, which bootstrap fills.
"""

from mpps_console.api import api_router
from mpps_console.pages import pages_router
from mpps_console.parts import BreakerView, ConsoleParts, DoorInfo, ManagerInfo, Notice

__all__ = ["BreakerView", "ConsoleParts", "DoorInfo", "ManagerInfo", "Notice", "api_router", "pages_router"]

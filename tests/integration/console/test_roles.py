"""Who may do what."""

import pytest

from mpps_web.keys import Role
from tests.integration.console.world import World
from tests.support.aio import run

READING = (
    "/api/v1/overview",
    "/api/v1/subscriptions",
    "/api/v1/subscriptions/ris",
    "/api/v1/steps",
    "/api/v1/steps/2.25.1",
    "/api/v1/steps/2.25.1/dataset",
    "/api/v1/steps/2.25.1/operations/1",
    "/api/v1/lanes",
    "/api/v1/attempts",
)
OPEN = ("/", "/api/docs", "/api/openapi.json", "/static/console.css")


@pytest.mark.parametrize("role", [None, *Role])
def test_roles(role: Role | None) -> None:
    async def main() -> None:
        async with World(keys=True) as world:
            body = {"id": "ris", "target": {"url": "http://127.0.0.1:9"}}
            step = "/dicomweb/modality-performed-procedure-steps/2.25.1"
            data_set = {"00400252": {"vr": "CS", "Value": ["IN PROGRESS"]}}
            headers = {"Content-Type": "application/dicom+json"}
            made = await world.request("POST", step, body=data_set, headers=headers, role=Role.MODALITY)
            assert made.status == 201
            await world.request("POST", "/api/v1/subscriptions", body=body, role=Role.ADMIN)
            may_not = 401 if role is None else 403
            may_read = role in {Role.OPERATOR, Role.ADMIN}
            for path in READING:
                assert (await world.request("GET", path, role=role)).status == (200 if may_read else may_not), path
            for path in OPEN:
                assert (await world.request("GET", path, role=role)).status == 200
            tested = await world.request("POST", "/api/v1/subscriptions/ris/test", role=role)
            assert tested.status == (200 if may_read else may_not)
            may_change = role is Role.ADMIN
            body = {**body, "id": "archive"}
            created = await world.request("POST", "/api/v1/subscriptions", body=body, role=role)
            assert created.status == (201 if may_change else may_not)
            removed = await world.request("DELETE", "/api/v1/subscriptions/ris", role=role)
            assert removed.status == (200 if may_change else may_not)
            if role is None:
                assert removed.headers["www-authenticate"].startswith("Bearer")
            elif not may_change:
                assert removed.json()["type"] == "urn:mpps-manager:problem:forbidden"

    run(main())


def test_keys_of_other_callers_share_no_idempotency_key() -> None:
    async def main() -> None:
        async with World(keys=True) as world:
            body = {"id": "ris", "target": {"url": "http://127.0.0.1:9"}}
            await world.request("POST", "/api/v1/subscriptions", body=body, role=Role.ADMIN)
            headers = {"Idempotency-Key": "same"}
            for role in (Role.ADMIN, Role.OPERATOR):
                reply = await world.request("POST", "/api/v1/subscriptions/ris/test", role=role, headers=headers)
                assert "idempotent-replayed" not in reply.headers
            assert len(world.tested) == 2

    run(main())

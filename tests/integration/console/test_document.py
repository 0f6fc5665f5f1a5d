"""The OpenAPI document: whole, true to what is served, and its examples accepted."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter

from mpps_console.api import models
from tests.integration.console.world import World
from tests.support.aio import run

METHODS = {"get", "post", "put", "patch", "delete"}


async def document_of(world: World) -> dict[str, Any]:
    reply = await world.request("GET", "/api/openapi.json", headers={"Accept": "text/html"})
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    found: dict[str, Any] = reply.json()
    return found


def operations_of(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield path, method, operation


def references_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references_of(inner)


def test_the_document_is_whole() -> None:
    async def main() -> None:
        async with World() as world:
            document = await document_of(world)
            assert document["openapi"].startswith("3.1.")
            assert document["info"]["title"] == "mpps-manager"
            assert document["info"]["description"]
            schemas = document["components"]["schemas"]
            used = {reference.removeprefix("#/components/schemas/") for reference in references_of(document)}
            assert used <= set(schemas)
            assert set(schemas) - used == set(), "described and never used"
            assert document["security"] == [{"token": []}, {}]
            assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"

    run(main())


def test_every_operation_is_described() -> None:
    async def main() -> None:
        async with World() as world:
            document = await document_of(world)
            tags = {tag["name"] for tag in document["tags"]}
            seen = set()
            for path, method, operation in operations_of(document):
                where = f"{method} {path}"
                assert operation["operationId"] not in seen
                seen.add(operation["operationId"])
                assert operation["description"], where
                assert set(operation["tags"]) <= tags, where
                assert {"401", "403", "422", "503"} <= set(operation["responses"]), where
                in_path = set(re.findall(r"{(\w+)}", path))
                parameters = operation.get("parameters", [])
                assert {p["name"] for p in parameters if p["in"] == "path"} == in_path, where
                names = [(p["in"], p["name"]) for p in parameters]
                assert len(names) == len(set(names)), where
                for status, response in operation["responses"].items():
                    assert response["description"], where
                    (media_type,) = (
                        response["content"] if int(status) >= 400 else [response["content"].keys() & SUCCESS and "ok"]
                    )
                    assert media_type in {"application/problem+json", "ok"}, where

    run(main())


SUCCESS = {"application/json", "application/dicom+json"}


def test_it_describes_what_the_issue_lists_and_nothing_that_is_not_served() -> None:
    async def main() -> None:
        async with World() as world:
            document = await document_of(world)
            assert {(method, path) for path, method, _ in operations_of(document)} == {
                ("get", "/api/v1/overview"),
                ("get", "/api/v1/subscriptions"),
                ("post", "/api/v1/subscriptions"),
                ("get", "/api/v1/subscriptions/{subscription_id}"),
                ("delete", "/api/v1/subscriptions/{subscription_id}"),
                ("post", "/api/v1/subscriptions/{subscription_id}/test"),
                ("get", "/api/v1/steps"),
                ("get", "/api/v1/steps/{uid}"),
                ("get", "/api/v1/steps/{uid}/dataset"),
                ("get", "/api/v1/steps/{uid}/operations/{number}"),
                ("get", "/api/v1/lanes"),
                ("get", "/api/v1/attempts"),
            }

    run(main())


def test_the_examples_of_every_route_are_accepted() -> None:
    async def main() -> None:
        async with World() as world:
            document = await document_of(world)
            await world.report("2.25.1")
            bodies = 0
            for path, method, operation in sorted(operations_of(document), key=lambda entry: entry[1] != "post"):
                examples: list[Any] = [None]
                if "requestBody" in operation:
                    described = operation["requestBody"]["content"]["application/json"]["examples"]
                    examples = [example["value"] for example in described.values()]
                    bodies += len(examples)
                for example in examples:
                    await world.subscribe("ris") if "/{subscription_id}" in path else None
                    query = {
                        parameter["name"]: str(schema["examples"][0])
                        for parameter in operation.get("parameters", [])
                        if parameter["in"] == "query"
                        and (schema := parameter["schema"]).get("examples")
                        and parameter["name"] != "cursor"
                    }
                    filled = path.format(subscription_id="ris", uid="2.25.1", number="1")
                    reply = await world.request(method.upper(), filled, body=example, params=query)
                    assert reply.status in {200, 201}, (path, reply.text)
                    assert str(reply.status) in operation["responses"]
                    if example is not None:
                        await world.request("DELETE", f"/api/v1/subscriptions/{example['id']}")
            assert bodies == 2

    run(main())


def test_answers_are_what_their_schemas_say() -> None:
    async def main() -> None:
        async with World() as world:
            document = await document_of(world)
            await world.subscribe("ris")
            await world.report("2.25.1", operations=9)
            await world.lane(1, "2.25.1")
            for path, method, operation in operations_of(document):
                if method != "get":
                    continue
                reply = await world.request("GET", path.format(subscription_id="ris", uid="2.25.1", number="1"))
                schema = operation["responses"]["200"]["content"].get("application/json", {}).get("schema", {})
                name = schema.get("$ref", "").removeprefix("#/components/schemas/")
                generic = re.fullmatch(r"Page_(\w+)_", name)
                model: Any = models.DataSet
                if generic is not None:
                    model = models.Page.__class_getitem__(getattr(models, generic[1]))
                elif name:
                    model = getattr(models, name)
                TypeAdapter(model).validate_python(reply.json())

    run(main())

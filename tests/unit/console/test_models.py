"""Examples in the document are what they are examples of."""

from typing import Any

import pytest
from pydantic import BaseModel

from mpps_console.api import models
from mpps_console.api.bodies import SubscriptionBody
from mpps_console.api.documented import problems
from mpps_console.api.subscriptions import _EXAMPLES

WITH_EXAMPLE = [
    model
    for model in vars(models).values()
    if isinstance(model, type)
    and issubclass(model, BaseModel)
    and isinstance(model.model_config.get("json_schema_extra"), dict)
]


def test_there_are_examples() -> None:
    assert len(WITH_EXAMPLE) >= 9


@pytest.mark.parametrize("model", WITH_EXAMPLE)
def test_each_example_is_one(model: Any) -> None:
    model.model_validate(model.model_config["json_schema_extra"]["example"])


@pytest.mark.parametrize("name", sorted(_EXAMPLES))
def test_the_examples_of_bodies_are_accepted(name: Any) -> None:
    SubscriptionBody.model_validate(_EXAMPLES[name]["value"])


def test_examples_of_problems_are_problems() -> None:
    for status, described in problems(400, 404, 409, 410, 412, 413, 415).items():
        example = described["content"]["application/problem+json"]["example"]
        assert models.Problem.model_validate(example).status == status

"""The modalities other tests use behave like modalities."""

import orjson
import pytest
from pydicom.dataset import Dataset

from mpps_dicom.charsets import holds
from tests.support.modalities import COMPLETED, DISCONTINUED, MODALITIES, PATIENTS, any_step, padded


@pytest.mark.parametrize("outcome", [COMPLETED, DISCONTINUED])
@pytest.mark.parametrize("modality", MODALITIES)
def test_a_step_begins_and_ends(modality: str, outcome: str) -> None:
    step = MODALITIES[modality]("1.2", outcome=outcome)
    assert [kind for kind, _data_set in step] == ["create"] + ["update"] * (len(step) - 1)
    statuses = [Dataset.from_json(data_set).PerformedProcedureStepStatus for _kind, data_set in step]
    assert statuses == ["IN PROGRESS"] * (len(step) - 1) + [outcome]


def test_steps_are_repeatable_and_all_different() -> None:
    assert any_step("1.2", 5) == any_step("1.2", 5)
    made = {orjson.dumps(any_step(f"1.{number}", number)) for number in range(500)}
    assert len(made) == 500
    studies = {any_step(f"1.{n}", n)[0][1]["00400270"]["Value"][0]["0020000D"]["Value"][0] for n in range(500)}
    assert len(studies) == 500


def test_each_step_is_its_own_copy() -> None:
    any_step("1.2", 1)[0][1].clear()
    assert any_step("1.2", 1)[0][1]


def test_names_fit_the_character_set_of_their_patient() -> None:
    for patient in PATIENTS:
        assert holds([term or "" for term in patient.charset], "".join(patient.name.values()))


@pytest.mark.parametrize("size", [3_000, 20_000, 500_000])
@pytest.mark.parametrize("modality", MODALITIES)
def test_bodies_can_be_made_longer(modality: str, size: int) -> None:
    step = MODALITIES[modality]("1.2", seed=1)
    for (_, before), (kind, after) in zip(step, padded(step, size), strict=True):
        if kind == "update":
            length = len(orjson.dumps(after))
            assert size <= length <= size * 1.2 or length == len(orjson.dumps(before))

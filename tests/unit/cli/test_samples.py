"""The sample steps are those of the modalities that the tests use, and what the manager accepts without a word."""

import orjson
import pytest

from mpps_cli.receiver import status_in
from mpps_cli.samples import SAMPLES, Sample, read_sample
from mpps_core.accepting.content import Current, prepare_create, prepare_update
from mpps_dicom import Profile
from scripts.make_samples import contents


def test_the_files_are_not_stale() -> None:
    made = contents()
    assert {file: read_sample(file) for files in SAMPLES.values() for file in files} == made, (
        "run python -m scripts.make_samples"
    )


@pytest.mark.parametrize("sample", Sample)
def test_a_sample_is_accepted_without_a_warning(sample: Sample) -> None:
    create, *updates = (read_sample(file) for file in SAMPLES[sample])
    prepared = prepare_create(create, "2.25.1", Profile.STRICT)
    findings = list(prepared.findings)
    for update in updates:
        current = Current(data=prepared.state.data, size=prepared.state.size, status=prepared.status)
        prepared = prepare_update(update, "2.25.1", Profile.STRICT, current)
        findings += prepared.findings
    assert findings == []
    last = status_in(orjson.loads(updates[-1]))
    assert last == ("DISCONTINUED" if sample is Sample.STOPPED else "COMPLETED")

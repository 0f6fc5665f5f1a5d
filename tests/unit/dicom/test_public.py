"""What others may import."""

import ast
import subprocess
import sys
from pathlib import Path

import mpps_dicom


def test_everything_promised_is_there_and_sorted() -> None:
    assert all(hasattr(mpps_dicom, name) for name in mpps_dicom.__all__)
    assert len(set(mpps_dicom.__all__)) == len(mpps_dicom.__all__)


def test_the_package_needs_no_more_than_it_says() -> None:
    allowed = {"mpps_dicom", "orjson", "msgspec", "pydicom"}
    users_of_pydicom = set()
    for path in Path(mpps_dicom.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for module in modules:
                top = module.split(".")[0]
                assert top in allowed or top in sys.stdlib_module_names
                if top == "pydicom":
                    users_of_pydicom.add(path.name)
    assert users_of_pydicom == {"dictionary.py", "datasets.py"}


def test_what_reads_json_loads_nothing_for_other_encodings() -> None:
    code = "import sys, mpps_dicom; print(*(name for name in sys.modules if name.startswith('mpps_dicom.')))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {name.removeprefix("mpps_dicom.") for name in done.stdout.split()}
    assert not loaded & {"xml_reader", "xml_writer", "binary_parser", "binary_reader", "part10", "datasets"}


def test_the_package_reads_no_clock_and_no_random_numbers() -> None:
    forbidden = {"time", "datetime", "random", "secrets", "uuid", "os", "socket", "asyncio", "logging"}
    for path in Path(mpps_dicom.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not {alias.name for alias in node.names} & forbidden, path
            if isinstance(node, ast.ImportFrom):
                assert node.module not in forbidden, path

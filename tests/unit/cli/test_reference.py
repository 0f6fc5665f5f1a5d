"""The commented file and the reference page."""

import re
import tomllib
from pathlib import Path

from mpps_cli.configuration import leaves, load, plain
from mpps_cli.reference import commented_toml, groups, reference_page
from mpps_cli.settings import Settings
from scripts.make_reference import PAGE


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text() == reference_page(), "run python -m scripts.make_reference"


def test_every_setting_has_a_description() -> None:
    for group in groups():
        assert group.description.endswith(".")
        for entry in group.entries:
            assert (entry.field.description or "").rstrip("`").endswith((".", "}.")), f"{group.name}.{entry.name}"


def test_the_commented_file_sets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "mpps.toml"
    file.write_text(commented_toml())
    assert load(file).origins == {}


def test_the_commented_file_has_every_setting_with_its_default() -> None:
    # Tables and settings without a default are shown by example; all others as they are.
    text = re.sub(r"(?m)^# ([a-z_]+ = )", r"\1", commented_toml().partition("# Bearer tokens")[0])
    tree = tomllib.loads(text)
    defaults = {name: plain(value) for name, value in leaves(Settings())}
    for name, default in defaults.items():
        section, _, leaf = name.rpartition(".")
        if default in (None, []) or section in {"telemetry", "retention"}:
            continue
        place = tree
        for part in filter(None, section.split(".")):
            place = place[part]
        assert place[leaf] == default, name


def test_the_examples_of_tables_are_valid(tmp_path: Path) -> None:
    text = commented_toml()
    tables = text[text.index("# [[security.keys]]") :]
    lines = [
        re.sub(r"^# (?=[a-z0-9_]+ = |\[)", "", line)
        for line in tables.splitlines()
        if not re.match(r"# (username|password) = ", line)
    ]
    file = tmp_path / "mpps.toml"
    file.write_text("\n".join(lines))
    settings = load(file).settings
    assert settings.subscriptions[0].id == "ris"
    assert settings.security.keys[0].role == "modality"
    assert settings.sources[0].keys == {"ct-1"}

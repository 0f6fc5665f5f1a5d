"""A setting that nothing reads is a promise that nothing keeps."""

import ast
from collections.abc import Iterator
from pathlib import Path

import mpps_cli
from mpps_cli.reference import groups

# These handle settings of any name, so that naming one there proves nothing.
GENERIC = {"settings.py", "configuration.py", "reference.py", "config.py"}


def accesses() -> Iterator[tuple[str, str]]:
    """Yield (what, attribute) for each attribute that is read: ``settings.http.listen`` gives ("http", "listen")."""
    for file in Path(mpps_cli.__file__).parent.glob("*.py"):
        if file.name in GENERIC:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                of = node.value
                if isinstance(of, ast.Attribute):
                    yield of.attr, node.attr
                elif isinstance(of, ast.Name):
                    yield of.id, node.attr


def test_every_setting_is_read_by_something() -> None:
    read = set(accesses())
    unread = []
    for group in groups():
        section = group.name.rpartition(".")[2] or "_settings"
        names = {section, section.removesuffix("s")}
        unread += [
            f"{group.name}.{entry.name}"
            for entry in group.entries
            if not any((name, entry.name) in read for name in names)
        ]
    assert unread == []


def test_the_scan_would_notice() -> None:
    assert ("http", "listen") in set(accesses())
    assert ("http", "no_such_setting") not in set(accesses())

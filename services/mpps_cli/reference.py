"""What can be set, written down: the commented ``mpps.toml`` and the reference page, both made from the tree."""

import json
import types
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mpps_cli.configuration import plain, sections_in
from mpps_cli.settings import ENVIRONMENT_DELIMITER, ENVIRONMENT_PREFIX, Settings

_WIDTH: Final = 110
_NO_NAME: Final = "none"
_NUMBERS: Final = {int: "whole number", float: "number", bool: "true or false"}


class Entry(NamedTuple):
    """One setting."""

    name: str  #: in its section
    field: FieldInfo
    table: bool  #: it is inside a table that may be given many times


class Group(NamedTuple):
    """A section, or a table that may be given many times."""

    name: str  #: dotted; empty for the top
    description: str
    entries: tuple[Entry, ...]
    table: bool  #: it, or what it is inside, may be given many times
    header: str  #: as TOML has it


def groups() -> Iterator[Group]:
    """Yield all sections and tables in the order in which they are written."""
    yield from _groups(Settings, "", "Settings outside any section.", table=False, header="")


def commented_toml() -> str:
    """Return an ``mpps.toml`` with every setting at its default, all commented out."""
    lines = [
        "# mpps.toml: the settings of mpps-manager, each with its default.",
        "# Take the # away to change one. The environment goes before this file, options before both:",
        f"# forwarding.max_delay is {variable_of('forwarding.max_delay')} there.",
    ]
    for group in groups():
        lines += ["", *_comment(group.description)]
        if group.name:
            lines.append(f"# {group.header}" if group.table else group.header)
        for entry in group.entries:
            lines += _comment(_sentence(entry.field))
            default = default_of(entry.field)
            shown = example_of(entry.field) if entry.table or default in (None, []) else default
            lines.append(f"# {entry.name} = {toml_value(shown)}")
    return "\n".join(lines) + "\n"


def reference_page() -> str:
    """Return the page ``docs/reference/settings.md``."""
    lines = [
        "# Settings",
        "",
        "<!-- Made by `python -m scripts.make_reference`; a test tells when it is stale. -->",
        "",
        "Read from `mpps.toml` (or the file of `--config`), then from the environment, then from options;",
        "the last one wins. In the environment a setting has its name in capitals, two underscores for each dot, after",
        f"`{ENVIRONMENT_PREFIX}`: `{variable_of('forwarding.max_delay')}=60`. Lists and tables are given as JSON.",
        "An unknown setting or a bad value stops the start, named in full.",
        "`mpps config init` writes a commented file, `mpps config show` says what is in force and where it came from.",
    ]
    for group in groups():
        lines += ["", f"## `{group.header}`" if group.name else "## At the top", "", group.description, ""]
        lines += ["| setting | type | default | what it does |", "|---|---|---|---|"]
        for entry in group.entries:
            cells = (f"`{entry.name}`", _type_name(entry.field), _default_cell(entry.field), _sentence(entry.field))
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    return ENVIRONMENT_PREFIX + name.replace(".", ENVIRONMENT_DELIMITER).upper()


def default_of(field: FieldInfo) -> Any:
    """Return the default as TOML can hold it; ``None`` when there is none."""
    return None if field.default is PydanticUndefined else plain(field.default)


def example_of(field: FieldInfo) -> Any:
    """Return a value to show: the example, else the default."""
    default = default_of(field)
    if not field.examples:
        return "" if default is None else default
    example = field.examples[0]
    return [example] if isinstance(default, list) else example


def toml_value(value: Any) -> str:
    """Write a value in TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml_value(each)}" for name, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml_value(each) for each in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False)


def _groups(section: type[BaseModel], name: str, description: str, *, table: bool, header: str) -> Iterator[Group]:
    entries = []
    inner = []
    for field_name, field in section.model_fields.items():
        found = next(sections_in(field.annotation), None)
        if found is None:
            entries.append(Entry(field_name, field, table))
            continue
        dotted = f"{name}.{field_name}" if name else field_name
        many = isinstance(default_of(field), list)
        start = f"[[{dotted}]]" if many else f"[{dotted}]"
        inner.append(_groups(found, dotted, _sentence(field), table=table or many, header=start))
    if entries:
        yield Group(name, description, tuple(entries), table, header)
    for groups_inside in inner:
        yield from groups_inside


def _sentence(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _comment(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= _WIDTH:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return [f"# {line}" for line in lines]


def _default_cell(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    default = default_of(field)
    return _NO_NAME if default is None or default == [] else f"`{toml_value(default)}`"


def _type_name(field: FieldInfo) -> str:
    return _named(field.annotation)


def _named(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in arguments)
    if origin in {tuple, frozenset}:
        return f"list of {_named(arguments[0])}s"
    if origin in {Union, types.UnionType}:
        return " or ".join(dict.fromkeys(_named(each) for each in arguments if each is not type(None)))
    if origin is dict:
        return "table"
    if hasattr(annotation, "__metadata__"):  # Annotated
        return _named(arguments[0])
    return _class_name(annotation)


def _class_name(annotation: Any) -> str:
    if annotation in _NUMBERS:
        return _NUMBERS[annotation]
    if annotation is SecretStr:
        return "secret"
    values = getattr(annotation, "__members__", None)
    if values:
        return ", ".join(f"`{each.value}`" for each in values.values())
    name = str(getattr(annotation, "__name__", annotation))
    return {"str": "text", "Path": "path", "ByteSize": "size", "IPv4Network": "network", "IPv6Network": "network"}.get(
        name, name
    )

"""Reading the settings: ``mpps.toml``, then the environment, then options; and who said what."""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource, SettingsError

from mpps_cli.failure import Failure
from mpps_cli.settings import ENVIRONMENT_DELIMITER, ENVIRONMENT_PREFIX, Settings
from mpps_core.errors import ConfigurationError

DEFAULT_FILE: Final = Path("mpps.toml")

COMMAND_VARIABLES: Final = frozenset({"MPPS_URL", "MPPS_TOKEN"})
"""Variables of commands that talk to a running manager; not settings."""

MASK: Final = "***"

_ABSENT: Final = object()

Tree: TypeAlias = dict[str, Any]
Location: TypeAlias = tuple[str | int, ...]


class SettingsInvalid(ConfigurationError):
    """The settings cannot be used. ``faults`` has one line for each thing that is wrong."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(faults))

    def as_failure(self) -> Failure:
        """Return what a command ends with."""
        return Failure(
            *self.faults, hint="`mpps config show` says what is set and where; `mpps config init` writes all settings"
        )


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """The settings in force, and which layer each of them came from."""

    settings: Settings
    origins: Mapping[str, str]  #: dotted name of a leaf → "mpps.toml", "MPPS_HTTP__LISTEN", "--http"; absent: default


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Settings from one place."""

    tree: Tree
    names: Mapping[str, str]  #: dotted name → what to call its origin
    origin: str  #: what to call it for names that ``names`` does not have


def load(file: Path | None = None, options: Mapping[str, tuple[str, Any]] | None = None) -> Resolved:
    """Read and check all settings.

    ``file`` of ``None`` means ``mpps.toml`` if there is one; ``options`` maps a dotted name to (option, value).
    Raises SettingsInvalid.
    """
    layers = [*_file_layer(file), _environment_layer(), _option_layer(options or {})]
    merged: Tree = {}
    for layer in layers:
        merged = _merged(merged, layer.tree)
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        raise SettingsInvalid([_fault(details, layers) for details in error.errors(include_url=False)]) from None
    return Resolved(settings=settings, origins=_origins(settings, layers))


def leaves(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the value of every setting; tables (``sources`` …) are one leaf each."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def plain(value: Any) -> Any:
    """Return a value as JSON and TOML can hold it, secrets masked."""
    if isinstance(value, BaseModel):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, (tuple, list, frozenset)):
        items = [plain(each) for each in value]
        return sorted(items) if isinstance(value, frozenset) else items
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, (bool, float)):
        return value
    return int(value) if isinstance(value, int) else str(value)


def _file_layer(file: Path | None) -> list[Layer]:
    path = file or DEFAULT_FILE
    if file is None and not path.exists():
        return []
    try:
        with path.open("rb") as stream:
            tree = tomllib.load(stream)
    except OSError as error:
        raise SettingsInvalid([f"{path}: cannot be read: {error.strerror or error}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid([f"{path}: is not TOML: {error}"]) from None
    return [Layer(tree=tree, names={}, origin=str(path))]


def _environment_layer() -> Layer:
    names = {
        variable.upper().removeprefix(ENVIRONMENT_PREFIX).lower().replace(ENVIRONMENT_DELIMITER, "."): variable
        for variable in os.environ
        if variable.upper().startswith(ENVIRONMENT_PREFIX) and variable.upper() not in COMMAND_VARIABLES
    }
    # pydantic-settings looks for the variables it knows; one that it does not know would be ignored.
    unknown = [name for name in names if name.partition(".")[0] not in Settings.model_fields]
    if unknown:
        raise SettingsInvalid([_unknown(name, f", from {names[name]}") for name in sorted(unknown)])
    try:
        tree = EnvSettingsSource(Settings)()
    except SettingsError as error:
        field = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), "environment")
        raise SettingsInvalid([f"{field}: a variable of it is not JSON; lists and tables are given as JSON"]) from None
    return Layer(tree=tree, names=names, origin="environment")


def _option_layer(options: Mapping[str, tuple[str, Any]]) -> Layer:
    tree: Tree = {}
    for name, (_, value) in options.items():
        *sections, leaf = name.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[leaf] = value
    return Layer(tree=tree, names={name: option for name, (option, _) in options.items()}, origin="option")


def _merged(under: Tree, over: Tree) -> Tree:
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _origins(settings: Settings, layers: Sequence[Layer]) -> dict[str, str]:
    origins = {}
    for name, _ in leaves(settings):
        origin = _origin(name.split("."), layers)
        if origin is not None:
            origins[name] = origin
    return origins


def _origin(path: Sequence[str | int], layers: Sequence[Layer]) -> str | None:
    """Return the last layer that says something about a setting."""
    for layer in reversed(layers):
        if _value(path, layer) is not _ABSENT:
            dotted = _dotted(path)
            inside = (f"{name}{after}" for name in layer.names for after in ".[")
            name = next((start[:-1] for start in inside if f"{dotted}.".startswith(start)), "")
            return layer.names.get(name, layer.origin)
    return None


def _value(path: Sequence[str | int], layer: Layer) -> Any:
    place: Any = layer.tree
    for part in path:
        try:
            place = place[part]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return place


def _dotted(path: Sequence[str | int]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _fault(details: ErrorDetails, layers: Sequence[Layer]) -> str:
    """Say one thing that is wrong in one line that begins with the full name of the setting."""
    path = _written(details["loc"], layers)
    name = _dotted(path)
    origin = _origin(path, layers)
    where = f", from {origin}" if origin else ""
    if details["type"] == "extra_forbidden":
        return _unknown(name, where)
    if details["type"] == "missing":
        return f"{_dotted(details['loc'])}: is missing{where}"
    message = details["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if not name:
        return message  # about several settings; it names them
    given = details["input"]
    # A table is too long for a line, and what should have been a secret may be one.
    shown = f" (got {given!r})" if isinstance(given, (str, int, float)) and not _is_secret(path) else ""
    return f"{name}: {message[:1].lower()}{message[1:]}{shown}{where}"


def _written(location: Location, layers: Sequence[Layer]) -> Location:
    """Leave out what a location says beyond what was written: branches of a union."""
    end = len(location)
    while end > 1 and _origin(location[:end], layers) is None:
        end -= 1
    return location[:end]


def _is_secret(path: Location) -> bool:
    return bool(path) and path[-1] in {"sha256", "token", "password"}


def _unknown(name: str, where: str) -> str:
    head, _, last = name.rpartition(".")
    known = list(_known(Settings))
    beside = {each.rpartition(".")[2]: each for each in known if each.rpartition(".")[0] == _indexless(head)}
    close = [beside[each] for each in difflib.get_close_matches(last, beside, 1)]
    close = close or difflib.get_close_matches(_indexless(name), known, 1, 0.8)
    close = close or [each for each in known if each.rpartition(".")[2] == last][:1]
    guess = f" (did you mean {close[0]}?)" if close else ""
    return f"{name}: unknown setting{guess}{where}"


def _indexless(name: str) -> str:
    return ".".join(part.partition("[")[0] for part in name.split("."))


def _known(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all settings and sections, those inside tables without an index."""
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}"
        inner = next(iter(sections_in(field.annotation)), None)
        if inner is not None:
            yield from _known(inner, f"{prefix}{name}.")


def sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the sections that an annotation holds: of a section itself, an optional one or a table."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from sections_in(inner)

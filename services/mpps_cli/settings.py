"""The settings of the manager: one typed tree. What is not here cannot be set.

Each field has a description; the reference page and the commented ``mpps.toml`` are made from them. A setting that
nothing reads fails a test.
"""

import ipaddress
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    SecretStr,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from mpps_core.subscription import MAX_IN_FLIGHT
from mpps_dicom import Profile

ENVIRONMENT_PREFIX: Final = "MPPS_"
ENVIRONMENT_DELIMITER: Final = "__"

_LAST_PORT: Final = 65535
_ID: Final = r"^[a-z0-9][a-z0-9-]{0,62}$"


def _network(value: Any) -> Any:
    return ipaddress.ip_network(value) if isinstance(value, str) else value


Network: TypeAlias = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(_network)]
Seconds: TypeAlias = Annotated[float, Field(gt=0, le=30 * 86_400, allow_inf_nan=False)]
Identifier: TypeAlias = Annotated[str, Field(pattern=_ID)]


class Address(BaseModel):
    """A host and a port to listen on; port 0 lets the system choose."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(listen: str) -> Address:
    """Read ``HOST:PORT``, an IPv6 host in brackets. Raises ValueError."""
    host, colon, port = listen.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("an IPv6 address goes in brackets: [::1]:8246")
    if not (host and colon and port.isascii() and port.isdigit() and int(port) <= _LAST_PORT):
        raise ValueError("must be HOST:PORT, for example 127.0.0.1:8246")
    return Address(host=host, port=int(port))


def _listen(value: str) -> str:
    address_of(value)
    return value


Listen: TypeAlias = Annotated[str, AfterValidator(_listen)]
Size: TypeAlias = Annotated[ByteSize, Field(gt=0), PlainSerializer(int)]


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSettings(Section):
    """Where the embedded manager keeps what it must not lose."""

    directory: Path = Field(
        default=Path("mpps-data"),
        description="Directory of the embedded store. Made if it does not exist; used by one manager at a time.",
    )


class TlsSettings(Section):
    """The certificate that the HTTP door shows."""

    cert: Path | None = Field(default=None, description="File with the certificate chain, PEM.")
    key: Path | None = Field(default=None, description="File with the private key of the certificate, PEM.")

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key are given together or not at all")
        return self


class HttpSettings(Section):
    """The HTTP door: DICOMweb, management API, pages, metrics and health."""

    listen: Listen = Field(
        default="127.0.0.1:8246",
        description="HOST:PORT to listen on; port 0 lets the system choose. Off loopback the door opens only with "
        "TLS (or behind a proxy) and at least one of security.keys.",
    )
    require_accept: bool = Field(
        default=False,
        description="Answer 406 to DICOMweb requests without an Accept header, as PS3.18 8.7.5 has it.",
    )
    max_body: Size = Field(
        default=ByteSize(64 * 1024 * 1024),
        description='Largest request body in bytes, or with a unit ("64MiB"); what is larger is answered 413.',
    )
    behind_proxy: bool = Field(
        default=False,
        description="A reverse proxy ends TLS in front of this door; needs trusted_proxies.",
    )
    trusted_proxies: tuple[Network, ...] = Field(
        default=(),
        description="Networks of reverse proxies whose word is taken for the address of a client.",
        examples=["10.1.0.0/24"],
    )
    tls: TlsSettings = Field(default=TlsSettings(), description=TlsSettings.__doc__)


class StoreSettings(Section):
    """What keeps steps, ledger and subscriptions."""

    kind: Literal["sqlite"] = Field(default="sqlite", description="Kind of store; sqlite is the embedded one.")


class BusSettings(Section):
    """How those who accept tell those who forward."""

    kind: Literal["local"] = Field(default="local", description="Kind of bus; local stays inside the process.")


class ForwardingSettings(Section):
    """How operations are sent to subscribers."""

    enabled: bool = Field(
        default=True, description="Send operations to subscribers. Off: everything is accepted and waits."
    )
    first_delay: Seconds = Field(
        default=1.0,
        description="Seconds until the first repetition of a failed attempt, before jitter; doubled each time.",
    )
    max_delay: Seconds = Field(default=300.0, le=3600, description="Most seconds between two attempts.")
    parked_retry: Seconds = Field(default=3600.0, description="Seconds after which a refused operation is tried again.")
    poll: Seconds = Field(
        default=2.0, le=60, description="Seconds between two looks into the store for work that no wake-up told of."
    )
    allow_networks: tuple[Network, ...] = Field(
        default=(),
        description="Networks that may be sent to although they are loopback or reserved. Loopback needs no naming "
        "while all our own doors are on loopback; link-local and cloud metadata addresses are never sent to.",
        examples=["127.0.0.0/8"],
    )
    deny_networks: tuple[Network, ...] = Field(
        default=(), description="Networks that are never sent to; wins over allow_networks.", examples=["10.66.0.0/16"]
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first_delay > self.max_delay:
            raise ValueError("first_delay is more than max_delay")
        return self


class ValidationSettings(Section):
    """How strictly data sets are judged."""

    profile: Profile = Field(
        default=Profile.LENIENT,
        description="lenient stores what deviates from Table F.7.2-1, with a warning; strict refuses it; off does "
        "not look.",
    )
    idempotent_repeat: bool = Field(
        default=False,
        description="Answer a byte-identical repeat of the newest operation from the same source as the first one "
        "was answered.",
    )


class ManagerSettings(Section):
    """This manager among others."""

    id: Identifier | None = Field(
        default=None,
        description="Name of this manager in Via headers, by which loops are noticed. Without one, a random name is "
        "made once and kept in the store.",
        examples=["north-wing"],
    )


class KeySettings(Section):
    """A bearer token that opens doors."""

    name: Identifier = Field(description="Name of the key in logs and in sources.", examples=["ct-1"])
    role: Literal["modality", "subscriber", "operator", "admin"] = Field(
        description="What the key may do: modality, subscriber, operator or admin.", examples=["modality"]
    )
    sha256: SecretStr = Field(
        description="SHA-256 of the bearer token, 64 hexadecimal digits; `printf %s TOKEN | sha256sum` prints it.",
        examples=["0" * 64],
    )

    @field_validator("sha256")
    @classmethod
    def _hexadecimal(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value().lower()
        if len(text) != 64 or set(text) - set("0123456789abcdef"):  # noqa: PLR2004 - the length of a SHA-256
            raise ValueError("must be 64 hexadecimal digits")
        return SecretStr(text)


class SecuritySettings(Section):
    """Who may do what."""

    allow_insecure: bool = Field(
        default=False,
        description="Open doors off loopback without TLS or keys. Anyone who reaches them then reads and changes "
        "everything; said at every start.",
    )
    keys: tuple[KeySettings, ...] = Field(
        default=(), description="Bearer tokens that are let in. Without any, everyone is."
    )

    @field_validator("keys")
    @classmethod
    def _names_differ(cls, value: tuple[KeySettings, ...]) -> tuple[KeySettings, ...]:
        return _unique(value, "name", [key.name for key in value])


class TelemetrySettings(Section):
    """What the manager writes about its work."""

    log_format: Literal["auto", "text", "json"] = Field(
        default="auto",
        description="Log lines for people (text) or programs (json); auto: text on a terminal, else json.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least important level that is logged: debug, info, warning or error."
    )
    log_requests: bool = Field(
        default=True, description="Log a line for each HTTP request: id, path, status and time, never a value."
    )


class RetentionSettings(Section):
    """How long things are kept."""

    attempts: Annotated[float, Field(gt=0, le=36_500)] = Field(
        default=30.0, description="Days for which the records of delivery attempts are kept."
    )


class SourceSettings(Section):
    """Someone who sends steps, and how they are recognised: every part that is given must match."""

    id: Identifier = Field(description="Name of the source.", examples=["ct-1"])
    keys: frozenset[str] = Field(
        default=frozenset(), description="Names of security.keys that this source uses.", examples=["ct-1"]
    )
    networks: tuple[Network, ...] = Field(
        default=(), description="Networks that this source sends from.", examples=["10.1.2.0/24"]
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.keys or self.networks):
            raise ValueError("needs keys or networks, else it matches nobody")
        return self


class SubscriptionLimitSettings(Section):
    """What a subscriber can bear."""

    in_flight: int = Field(default=4, ge=1, le=MAX_IN_FLIGHT, description="Most attempts at the same time.")
    per_second: float | None = Field(
        default=None, gt=0, le=100_000, allow_inf_nan=False, description="Most attempts per second.", examples=[50.0]
    )
    timeout_s: float = Field(
        default=30.0, gt=0, le=600, allow_inf_nan=False, description="Seconds until an attempt counts as unanswered."
    )


class SubscriptionAuthSettings(Section):
    """How the manager makes itself known to a subscriber."""

    kind: Literal["none", "basic", "bearer"] = Field(
        default="none", description="none, basic (username, password) or bearer (token).", examples=["bearer"]
    )
    username: str | None = Field(default=None, description="User name, for basic.")
    password: SecretStr | None = Field(default=None, description="Password, for basic.")
    token: SecretStr | None = Field(default=None, description="Token, for bearer.", examples=["…"])


class SubscriptionTargetSettings(Section):
    """How a subscriber is reached."""

    url: str = Field(description="Base address of its DICOMweb service.", examples=["https://ris.example/dicomweb"])
    dialect: Literal["query", "path", "patch"] = Field(
        default="query", description="How an Update is written: query (`?update`), path (`/update`) or patch (drafts)."
    )
    media_type: Literal["application/dicom+json"] = Field(
        default="application/dicom+json", description="In which form data sets are sent."
    )
    auth: SubscriptionAuthSettings = Field(
        default=SubscriptionAuthSettings(), description=SubscriptionAuthSettings.__doc__
    )


SubscriptionStart: TypeAlias = Annotated[
    Annotated[Literal["now", "open"], Tag("word")]
    | Annotated[dict[Literal["since"], AwareDatetime], Field(min_length=1), Tag("table")],
    Discriminator(lambda value: "table" if isinstance(value, dict) else "word"),
]


class SubscriptionSettings(Section):
    """A subscriber declared in the configuration; read-only through the API."""

    id: Identifier = Field(description="Name of the subscription.", examples=["ris"])
    name: str | None = Field(
        default=None, min_length=1, max_length=200, description="Name for people.", examples=["Radiology system"]
    )
    kind: Literal["dicomweb"] = Field(default="dicomweb", description="Protocol that the subscriber speaks.")
    target: SubscriptionTargetSettings = Field(description=SubscriptionTargetSettings.__doc__)
    start: SubscriptionStart = Field(
        default="now", description='From when on it wants steps: "now", "open" or { since = "2026-11-01T00:00:00Z" }.'
    )
    updates: Literal["every"] = Field(default="every", description="Which operations it wants.")
    limits: SubscriptionLimitSettings = Field(
        default=SubscriptionLimitSettings(), description=SubscriptionLimitSettings.__doc__
    )
    enabled: bool = Field(default=True, description="Send to it.")


class Settings(BaseSettings):
    """All settings of a manager."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter=ENVIRONMENT_DELIMITER,
    )

    shutdown_grace: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=20.0, description="Seconds that work in flight gets to finish when the manager is told to stop."
    )
    data: DataSettings = Field(default=DataSettings(), description=DataSettings.__doc__)
    http: HttpSettings = Field(default=HttpSettings(), description=HttpSettings.__doc__)
    store: StoreSettings = Field(default=StoreSettings(), description=StoreSettings.__doc__)
    bus: BusSettings = Field(default=BusSettings(), description=BusSettings.__doc__)
    forwarding: ForwardingSettings = Field(default=ForwardingSettings(), description=ForwardingSettings.__doc__)
    validation: ValidationSettings = Field(default=ValidationSettings(), description=ValidationSettings.__doc__)
    manager: ManagerSettings = Field(default=ManagerSettings(), description=ManagerSettings.__doc__)
    security: SecuritySettings = Field(default=SecuritySettings(), description=SecuritySettings.__doc__)
    telemetry: TelemetrySettings = Field(default=TelemetrySettings(), description=TelemetrySettings.__doc__)
    retention: RetentionSettings = Field(default=RetentionSettings(), description=RetentionSettings.__doc__)
    sources: tuple[SourceSettings, ...] = Field(default=(), description=SourceSettings.__doc__)
    subscriptions: tuple[SubscriptionSettings, ...] = Field(default=(), description=SubscriptionSettings.__doc__)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is handed over only: ``configuration`` reads file, environment and options, and knows which."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator("sources", "subscriptions")
    @classmethod
    def _ids_differ(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return _unique(value, "id", [each.id for each in value])

    @model_validator(mode="after")
    def _known_keys(self) -> Self:
        names = {key.name for key in self.security.keys}
        for index, source in enumerate(self.sources):
            unknown = sorted(source.keys - names)
            if unknown:
                raise ValueError(f"sources[{index}].keys: {unknown[0]!r} is not the name of one of security.keys")
        return self


def _unique(value: tuple[Any, ...], what: str, names: list[str]) -> tuple[Any, ...]:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]!r} is given twice")
    return value

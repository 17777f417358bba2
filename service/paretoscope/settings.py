"""Every setting once: one frozen tree from defaults, a TOML file and the environment.

The environment wins over the file, the file over the defaults. Names in the environment are the fields in
capitals behind ``PARETOSCOPE_``, with two underscores between levels: ``PARETOSCOPE_HTTP_PORT=8100``,
``PARETOSCOPE_LIMITS__HISTORY_FRAMES=500``. ``REDIS_URL`` stands alone, as other services spell it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from paretoscope.errors import BadParameters

MIB = 1024 * 1024


def default_data_folder() -> Path:
    """Where a user's programs keep their data: ``$XDG_DATA_HOME`` or ``~/.local/share``."""
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "paretoscope"


class Limits(BaseModel):
    """What is kept and how much may pile up. Nothing grows without one of these."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    history_frames: PositiveInt = 200
    """Worked frames kept per stream; older ones are forgotten with their results."""
    history_mb: PositiveInt = 1024
    """Pixels of worked frames kept per stream, MiB."""
    backlog_frames: PositiveInt = 256
    """Frames that may wait for a worker, all streams together; beyond it senders hear 'busy'."""
    backlog_mb: PositiveInt = 2048
    """Pixels that may wait for a worker, MiB."""
    store_mb: PositiveInt = 4096
    """Memory of the embedded store, MiB; at it the oldest worked frames are forgotten, then senders hear
    'busy'."""
    disk_reserve_mb: PositiveInt = 256
    """Free space on the embedded store's disk below which nothing new is taken, MiB."""
    streams: PositiveInt = 32
    """Streams kept; a new one beyond pushes out the one not seen for longest."""
    events: PositiveInt = 10_000
    """Events kept for listeners that come back."""
    choices: PositiveInt = 4096
    """Answers to choices kept for those who ask again; the oldest go first, and each after a day."""
    dead_letters: PositiveInt = 16
    """Frames kept that workers died over, with their pixels."""
    dead_letters_mb: PositiveInt = 256
    """Their pixels, MiB."""
    audit: PositiveInt = 10_000
    """Changes kept in the audit log."""
    claim_idle_s: Annotated[float, Field(ge=2.0, le=3600.0)] = 10.0
    """Silence of a worker about its frame after which another takes it over, s; it speaks once a second."""
    hang_s: PositiveFloat = 60.0
    """Beyond its deadline, and 5 s more per megapixel, seconds a frame may be worked on before its worker
    counts as hung: it is killed and the frame handed out again."""
    silent_s: Annotated[float, Field(ge=0.5)] = 10.0
    """Seconds a worker may make no move at all (stopped, or held inside one call) before it is killed."""
    drain_s: PositiveFloat = 10.0
    """Seconds a worker that is told to stop may take to finish its frame; then it is handed to another."""
    requests_per_s: PositiveFloat = 1000.0
    """Requests one API key, or one peer where no key is needed, may make; for a second twice as many."""


class InstrumentSettings(BaseModel):
    """What the service may start by itself: see ``paretoscope.instruments``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    enabled: bool = True
    """Whether `serve` runs instruments at all."""
    replay_folder: Path | None = None
    """Folder of recorded images that may be replayed; nothing outside it can be opened."""
    spectra_host: str = "localhost"
    """The microscope's server."""
    spectra_port: Annotated[int, Field(ge=1, le=65535)] = 7521
    """Its port."""
    spectra_zone: str = "UTC"
    """Of its times that lack one, as 'Europe/Berlin'."""
    spectra_client: str = "autoscript_tem_microscope_client:TemMicroscopeClient"
    """The vendor's client, 'module:Class', or another of the same surface."""
    key: Path | None = None
    """CURVE secret key file (.key_secret) with which they send, where the bridge asks for keys."""


class Settings(BaseSettings):
    """The whole tree; ``paretoscope doctor`` prints it."""

    model_config = SettingsConfigDict(
        env_prefix="PARETOSCOPE_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        use_attribute_docstrings=True,
    )

    frames: str = "tcp://127.0.0.1:5555"
    """ZeroMQ address on which the bridge takes frames."""
    frames_keys: Path | None = None
    """Folder with the bridge's CURVE key and the keys of allowed senders; needed beyond loopback."""
    http_host: str = "127.0.0.1"
    """Interface on which API and dashboard listen."""
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port of API and dashboard; 0 = any free one."""
    http_hosts: tuple[str, ...] = ()
    """Further names under which the API may be addressed (the Host header); loopback always may."""
    http_keys: Path | None = None
    """File of API keys, made by `paretoscope keys`; api-keys.json in the data folder when None. Where it
    exists every request needs a key; beyond loopback it must exist."""
    data: Path = Field(default_factory=default_data_folder)
    """Folder of the embedded store."""
    redis_url: str | None = Field(
        default=None, validation_alias=AliasChoices("REDIS_URL", "PARETOSCOPE_REDIS_URL", "redis_url")
    )
    """A Valkey or Redis server to use instead of the embedded one."""
    durability: Literal["always", "everysec"] = "always"
    """When the embedded store flushes to disk. 'always': before it answers, so that a power cut loses nothing
    that was acknowledged. 'everysec': once a second; a power cut may lose the last two seconds."""
    device: str = "auto"
    """'auto' (CUDA where there is one), 'cpu', 'cuda' or 'cuda:0', 'cuda:1', ..."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_json: bool = False
    """One JSON object a line instead of coloured text."""
    limits: Limits = Field(default_factory=Limits)
    instruments: InstrumentSettings = Field(default_factory=InstrumentSettings)

    @property
    def api_keys_file(self) -> Path:
        return self.http_keys or self.data / "api-keys.json"

    @property
    def keys_journal(self) -> Path:
        return self.data / "keys-journal.jsonl"

    def environment(self) -> dict[str, str]:
        """The whole tree as environment variables, so that a child process reads the same settings."""
        plain = self.model_dump(mode="json", exclude_none=True)
        redis_url = plain.pop("redis_url", None)
        for tree in ("limits", "instruments"):
            plain |= {f"{tree}__{name}": value for name, value in plain.pop(tree).items()}
        flat = {
            f"PARETOSCOPE_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in plain.items()
        }
        return flat | ({"REDIS_URL": redis_url} if redis_url else {})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(config: Path | None = None, **overrides: object) -> Settings:
    """Read the settings.

    config: a TOML file; None takes ``PARETOSCOPE_CONFIG`` where that is set. overrides win over everything
    (they come from command line options); those that are None are left out.
    Raises BadParameters('bad-settings') naming the field.
    """
    if config is None and os.environ.get("PARETOSCOPE_CONFIG"):
        config = Path(os.environ["PARETOSCOPE_CONFIG"])
    if config is not None and not config.is_file():
        raise BadParameters("bad-settings", hint=f"There is no settings file {config}.")

    class _FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=config)

    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return _FromFile(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "settings"
        raise BadParameters("bad-settings", hint=f"Setting {field}: {first['msg']}.") from None
    except (OSError, ValueError) as error:
        raise BadParameters("bad-settings", hint=f"{config}: {error}") from None

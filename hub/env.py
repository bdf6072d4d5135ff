"""The process environment, read once and checked. Nothing else in the project reads `os.environ`."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

_NAME = re.compile(r"([^=:/?]*)=")
_BROKER_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class EnvError(Exception):
    """An invalid setting; the text names it and the values it accepts."""


@dataclass(frozen=True, slots=True)
class Env:
    """Settings as the operator gave them. `None`, or empty `brokers`, means that the embedded part is used."""

    port: int
    mqtt_port: int
    mqtt_tls_port: int
    mqtt_tls_cert: Path | None
    mqtt_tls_key: Path | None
    bind: str
    mqtt_bind: str
    public_urls: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    data_dir: Path
    demo: bool
    ha_discovery: bool
    demo_password: str | None
    database_url: str | None
    redis_url: str | None
    brokers: Mapping[str, str]
    public_brokers: Mapping[str, str]
    mqtt_websocket_url: str | None
    secret_key_file: Path | None
    device_rate_limit: int
    value_rate_limit: int
    byte_rate_limit: int
    chat_rate_limit: int
    connection_limit: int
    mqtt_connection_limit: int
    file_limit: int
    address_limit: int
    request_rate_limit: int
    space_quota_mb: int
    space_reading_quota: int
    extra_apps: tuple[str, ...]
    debug: bool

    @property
    def origins(self) -> list[str]:
        """Origins (scheme, host, port) from which browsers may connect.

        If there is an https address, the hub's own addresses are left out: a page that another program serves on this
        machine, or that a browser was led to without TLS, must not act for the people who use the public address.
        """
        return list(self.public_urls) if self._has_https else [*self._own_origins, *self.public_urls]

    @property
    def hosts(self) -> list[str]:
        """Host names that requests may have in their Host header; health checks use the hub's own ones."""
        origins = [*self._own_origins, *self.public_urls]
        names = [urlsplit(origin).hostname or "" for origin in origins]
        return list(dict.fromkeys(f"[{name}]" if ":" in name else name for name in names))

    @property
    def requires_tls(self) -> bool:
        """Whether every public address is https, so that nobody has to be served without TLS."""
        return bool(self.public_urls) and all(url.startswith("https://") for url in self.public_urls)

    @property
    def _has_https(self) -> bool:
        return any(url.startswith("https://") for url in self.public_urls)

    @property
    def _own_origins(self) -> list[str]:
        hosts = ["localhost", "127.0.0.1"]
        if self.bind not in ("127.0.0.1", "localhost", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
            hosts.append(f"[{self.bind}]" if ":" in self.bind else self.bind)
        return [f"http://{host}:{self.port}" if self.port != 80 else f"http://{host}" for host in hosts]


def read(environ: Mapping[str, str], base_dir: Path) -> Env:
    """The settings in `environ`; relative paths start at `base_dir`. Raises `EnvError` for the first invalid one."""
    return Env(
        port=_port(environ, "PORT", 8000),
        mqtt_port=_port(environ, "MQTT_PORT", 1883),
        mqtt_tls_port=_port(environ, "MQTT_TLS_PORT", 8883),
        mqtt_tls_cert=_path(environ, "MQTT_TLS_CERT"),
        mqtt_tls_key=_path(environ, "MQTT_TLS_KEY"),
        bind=environ.get("BIND") or "127.0.0.1",
        mqtt_bind=environ.get("MQTT_BIND") or "127.0.0.1",
        public_urls=_origins(environ, "PUBLIC_URL"),
        trusted_proxies=_networks(environ, "TRUSTED_PROXIES"),
        data_dir=base_dir / (environ.get("DATA_DIR") or "data"),
        demo=_flag(environ, "DEMO", default=True),
        ha_discovery=_flag(environ, "HA_DISCOVERY", default=False),
        demo_password=environ.get("DEMO_PASSWORD") or None,
        database_url=_url(environ, "DATABASE_URL", ("sqlite", "postgres", "postgresql")),
        redis_url=_url(environ, "REDIS_URL", ("redis", "rediss", "unix")),
        brokers=_brokers(environ, "MQTT_URL"),
        public_brokers=_brokers(environ, "MQTT_PUBLIC_URL"),
        mqtt_websocket_url=_url(environ, "MQTT_WEBSOCKET_URL", ("mqtt", "mqtts")),
        secret_key_file=_path(environ, "SECRET_KEY_FILE"),
        device_rate_limit=_count(environ, "DEVICE_RATE_LIMIT", 1000),
        value_rate_limit=_count(environ, "VALUE_RATE_LIMIT", 10_000),
        byte_rate_limit=_count(environ, "BYTE_RATE_LIMIT", 1 << 20),
        chat_rate_limit=_count(environ, "CHAT_RATE_LIMIT", 100),
        connection_limit=_count(environ, "CONNECTION_LIMIT", 50),
        mqtt_connection_limit=_count(environ, "MQTT_CONNECTION_LIMIT", 10_000),
        file_limit=_count(environ, "FILE_LIMIT", 10),
        address_limit=_count(environ, "ADDRESS_LIMIT", 200),
        request_rate_limit=_count(environ, "REQUEST_RATE_LIMIT", 100),
        space_quota_mb=_count(environ, "SPACE_QUOTA_MB", 1000),
        space_reading_quota=_count(environ, "SPACE_READING_QUOTA", 0),
        extra_apps=_modules(environ, "EXTRA_APPS"),
        debug=_flag(environ, "DEBUG", default=False),
    )


def secret(setting: str, path: Path) -> str:
    """The content of the file `path`, which `setting` names, without a trailing newline. Raises `EnvError`."""
    try:
        text = path.read_text().rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise EnvError(f"{setting}: {path} cannot be read: {getattr(error, 'strerror', None) or 'not text'}") from None
    if not text:
        raise EnvError(f"{setting}: {path} is empty")
    return text


def with_password(setting: str, url: str) -> str:
    """The URL with the password of the file that its query names, `?password_file=FILE`. Raises `EnvError`."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    file = query.pop("password_file", None)
    if file is None:
        return url
    if parts.password:
        raise EnvError(f"{setting} has a password and a password_file; give it one of them")
    password = quote(secret(f"{setting}, password_file", Path(file)), safe="")
    netloc = f"{parts.username or ''}:{password}@{parts.netloc.rpartition('@')[2]}"
    return parts._replace(netloc=netloc, query=urlencode(query)).geturl()


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _modules(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Dotted names of Python modules, separated by commas."""
    names = tuple(part.strip() for part in (environ.get(name) or "").split(",") if part.strip())
    for one in names:
        if not all(part.isidentifier() for part in one.split(".")):
            raise EnvError(f"{name} must be names of Python modules separated by commas, not {one!r}")
    return names


def _networks(environ: Mapping[str, str], name: str) -> tuple[Network, ...]:
    """`127.0.0.1, 10.1.0.0/16, ::1` as networks; an address is a network of its own."""
    texts = [text.strip() for text in (environ.get(name) or "").split(",")]
    try:
        return tuple(ipaddress.ip_network(text) for text in texts if text)
    except ValueError as error:
        raise EnvError(f"{name} must be IP addresses or networks separated by commas: {error}") from None


def _integer(environ: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 16 and least <= int(text) <= most):
        raise EnvError(f"{name} must be a whole number from {least} to {most}, not {text!r}")
    return int(text)


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    return _integer(environ, name, default, 1, 65535)


def _count(environ: Mapping[str, str], name: str, default: int) -> int:
    return _integer(environ, name, default, 0, 10**9)


def _flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = (environ.get(name) or ("1" if default else "0")).lower()
    if text not in ("0", "1", "true", "false", "yes", "no"):
        raise EnvError(f"{name} must be 1 or 0, not {text!r}")
    return text in ("1", "true", "yes")


def _url(environ: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    text = environ.get(name) or None
    return _checked_url(name, text, schemes) if text is not None else None


def _checked_url(name: str, text: str, schemes: tuple[str, ...]) -> str:
    # The messages leave out the value, which may hold a password, and so does the text of a parser's error.
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises for an invalid port
    except ValueError:
        raise EnvError(f"{name} must be a URL; in a password, write /, #, ? and @ as %2F, %23, %3F and %40") from None
    if parts.scheme not in schemes:
        raise EnvError(f"{name} must be a URL that starts with {' or '.join(f'{s}:' for s in schemes)}")
    return text


def _brokers(environ: Mapping[str, str], setting: str) -> dict[str, str]:
    """`roof=mqtts://10.0.0.2, cellar=mqtt://10.0.0.3` as name -> URL, in their order; empty: the embedded broker.

    Without a name, the first one is called `main` and every other one by its host.
    """
    found: dict[str, str] = {}
    for text in re.split(r"[,\s]+", (environ.get(setting) or "").strip(", \t\n")):
        if not text:
            continue
        named = _NAME.match(text)
        url = _checked_url(setting, text[named.end() :] if named else text, ("mqtt", "mqtts"))
        name = named[1] if named else "main" if not found else urlsplit(url).hostname or ""
        if not _BROKER_NAME.fullmatch(name):
            raise EnvError(
                f"{setting} names a broker with something other than 1 to 64 letters, digits, '.', '_' or '-';"
                " an address such as [::1] needs a name: cellar=mqtt://[::1]"
            )
        if name in found:
            raise EnvError(f"{setting} has two brokers {name!r}; give each a name: roof=mqtt://…,cellar=mqtt://…")
        found[name] = url
    return found


def _origins(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """`https://hub.example.org, http://10.0.0.7:8000` as origins, without a trailing slash."""
    texts = [text.strip().rstrip("/") for text in (environ.get(name) or "").split(",")]
    for text in filter(None, texts):
        if not _is_origin(text):
            raise EnvError(f"{name} must be http(s)://host[:port], several of them separated by commas, not {text!r}")
    return tuple(filter(None, texts))


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises for an invalid port
    except ValueError:
        return False
    beside = parts.path or parts.query or parts.fragment or parts.username is not None
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not beside

"""Django's settings, composed from the environment (`hub/env.py`); see docs/settings.md."""

import os
import secrets
import sys
from importlib.util import find_spec
from pathlib import Path

import dj_database_url
from csp.constants import NONCE, NONE, SELF
from django.conf import global_settings

from hub import data_folder
from hub import env as environment

BASE_DIR = Path(__file__).resolve().parent.parent

try:
    ENV = environment.read(os.environ, BASE_DIR)
    data_folder.make_private(ENV.data_dir)
    SECRET_KEY = environment.secret("SECRET_KEY_FILE", ENV.secret_key_file) if ENV.secret_key_file else ""
    _database = dj_database_url.parse(
        ENV.database_url or f"sqlite:///{ENV.data_dir / 'hubbub.sqlite3'}",
        conn_max_age=0,  # a persistent connection under ASGI belongs to a thread that may never come back
        conn_health_checks=True,  # the pool must not hand out a connection that a restart of the server has closed
    )
    if _password_file := _database.get("OPTIONS", {}).pop("password_file", None):
        _database["PASSWORD"] = environment.secret("DATABASE_URL, password_file", Path(_password_file))
    REDIS_URL = environment.with_password("REDIS_URL", ENV.redis_url) if ENV.redis_url else None
    for _app in ENV.extra_apps:
        if not find_spec(_app.partition(".")[0]):
            raise environment.EnvError(f"EXTRA_APPS must be modules that Python can find, not {_app!r}")
except environment.EnvError as error:
    sys.exit(f"hubbub: {error}")


def _secret_key(path: Path) -> str:
    """The key that signs logins, generated at the first start. Losing its file signs everybody out."""
    try:
        # O_EXCL: of two processes that start at once, one generates the key and the other reads it.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    key = secrets.token_urlsafe(64)
    with os.fdopen(handle, "w") as file:
        file.write(key)
    return key


DATA_DIR = ENV.data_dir
DEBUG = ENV.debug
SECRET_KEY = SECRET_KEY or _secret_key(DATA_DIR / "secret_key")

ALLOWED_HOSTS = ENV.hosts
ALLOWED_ORIGINS = ENV.origins
CSRF_TRUSTED_ORIGINS = ENV.origins
PUBLIC_URLS = ENV.public_urls
TRUSTED_PROXIES = ENV.trusted_proxies

# Where the embedded parts listen, and the servers that replace them.
PORT, BIND = ENV.port, ENV.bind
MQTT_PORT, MQTT_BIND = ENV.mqtt_port, ENV.mqtt_bind
MQTT_TLS_PORT, MQTT_TLS_CERT, MQTT_TLS_KEY = ENV.mqtt_tls_port, ENV.mqtt_tls_cert, ENV.mqtt_tls_key
BROKERS = ENV.brokers  # name -> URL, in order; empty: the embedded one
PUBLIC_BROKERS = ENV.public_brokers  # the addresses for devices, if they differ
MQTT_WEBSOCKET_URL = ENV.mqtt_websocket_url
DEMO, DEMO_PASSWORD = ENV.demo, ENV.demo_password
HA_DISCOVERY = ENV.ha_discovery  # devices are announced to Home Assistant
DEVICE_RATE_LIMIT = ENV.device_rate_limit
VALUE_RATE_LIMIT = ENV.value_rate_limit
BYTE_RATE_LIMIT = ENV.byte_rate_limit
CHAT_RATE_LIMIT = ENV.chat_rate_limit
CONNECTION_LIMIT = ENV.connection_limit
MQTT_CONNECTION_LIMIT = ENV.mqtt_connection_limit
FILE_LIMIT = ENV.file_limit  # MiB
ADDRESS_LIMIT = ENV.address_limit
REQUEST_RATE_LIMIT = ENV.request_rate_limit
SPACE_QUOTA_MB, SPACE_READING_QUOTA = ENV.space_quota_mb, ENV.space_reading_quota

INSTALLED_APPS = [
    "hub",
    "dashboards",
    "bridges",
    "devices",
    "channels",
    "ninja",
    "csp",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    *ENV.extra_apps,
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "hub.middleware.permissions_policy.limit_features",
    "bridges.rest.metrics.answer_scrapers",
    "servestatic.middleware.ServeStaticMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "dashboards.database_unavailable.DatabaseUnavailableMiddleware",
    "hub.middleware.sign_in.note_sign_in",
]

ROOT_URLCONF = "hub.urls"
ASGI_APPLICATION = "hub.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    },
]

DATABASES = {"default": _database}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    _options: dict[str, object] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        " PRAGMA cache_size=-16000; PRAGMA temp_store=MEMORY;",
    }
    # A file: threads that share an in-memory database lock each other out.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
else:
    from hub.postgresql import PatientConnection  # here, because loading psycopg takes a tenth of a second

    # `timeout`: how long a request waits for a connection, and occupies a thread, while the server is unavailable.
    _pool = {"min_size": 1, "max_size": 8, "timeout": 4, "connection_class": PatientConnection}
    _options = {"pool": _pool, "connect_timeout": 10}
# Options of the URL win: without its sslmode the password would cross the network unencrypted.
DATABASES["default"]["OPTIONS"] = {**_options, **DATABASES["default"].get("OPTIONS", {})}

CHANNEL_LAYERS = {
    "default": (
        {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [REDIS_URL], "prefix": "hubbub"},
        }
        if REDIS_URL
        # An overflow shows in the running numbers of the fan-out and is answered with `resync`.
        else {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 10_000}}
    )
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

PASSWORD_HASHERS = ["devices.runtime.password_hashes.BackgroundPBKDF2", *global_settings.PASSWORD_HASHERS[1:]]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "login", "fleet", "login"

SESSION_COOKIE_NAME = "hubbub_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
# If every public address is https: cookies are sent only over TLS, and plain HTTP is redirected to it.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = ENV.requires_tls
# With trusted proxies, `hub.middleware.proxies` has taken the scheme from them.
_believes_everybody = ENV.requires_tls and not ENV.trusted_proxies
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _believes_everybody else None
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$", "^metrics$"]  # asked by programs on the same machine or network
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if ENV.requires_tls else 0
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains: other programs may run there, for which the hub cannot decide
    "security.W021",  # HSTS preloading: the owner of the domain decides that, for all its subdomains
]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF, *(origin.replace("http", "ws", 1) for origin in ENV.origins)],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

STATIC_URL = "static/"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "hub.npm.NpmFinder",
]
SERVESTATIC_USE_FINDERS = True  # straight from the packages: no collectstatic step, revalidated by ETag
SERVESTATIC_AUTOREFRESH = DEBUG
SERVESTATIC_MAX_AGE = 60

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024  # a larger body, or a larger file in it, goes to the disk
FILE_UPLOAD_HANDLERS = ["bridges.rest.uploads.UnnamedFileHandler"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": DATA_DIR / "files",
            "base_url": None,  # served only by a view that checks access
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}},
    "filters": {
        "secrets": {"()": "hub.log_secrets.HideSecrets"},
        "repeated": {"()": "hub.log_limits.of_security"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["secrets", "repeated"]}
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "hubbub": {"level": "DEBUG" if DEBUG else "INFO"},
        "django.request": {"level": "ERROR"},
    },
}

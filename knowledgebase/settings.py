"""Settings of the hub: typed readers of the environment, with nothing set the embedded default.

It knows nothing of what the apps do with a value. A wrong value stops the start and names the variable.
Start from: ``HOME`` (the folder of all state), ``DATABASES``, ``CELERY_BROKER_URL``.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent

# --- Readers of the environment ---------------------------------------------------------------------------


def env_text(name: str, default: str = "") -> str:
    """A text, also from the file that ``<name>_FILE`` names, so that a secret need not stand in the environment."""
    file = os.environ.get(f"{name}_FILE")
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE is {file!r}, which cannot be read: {error}") from error
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool) -> bool:
    text = env_text(name).lower()
    if not text:
        return default
    if text not in {"1", "true", "yes", "on", "0", "false", "no", "off"}:
        raise ImproperlyConfigured(f"{name} is {text!r}; set it to 1 or 0")
    return text in {"1", "true", "yes", "on"}


def env_int(name: str, default: int, *, low: int, high: int) -> int:
    text = env_text(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ImproperlyConfigured(f"{name} is {text!r}; set it to a whole number from {low} to {high}")
    return int(text)


def env_choice(name: str, options: tuple[str, ...]) -> str:
    """One of the options; the first where nothing is set."""
    text = env_text(name, options[0])
    if text not in options:
        raise ImproperlyConfigured(f"{name} is {text!r}; set it to one of {', '.join(options)}")
    return text


def env_list(name: str, default: tuple[str, ...] = ()) -> list[str]:
    """Comma-separated values."""
    return [part.strip() for part in env_text(name).split(",") if part.strip()] or list(default)


def env_folders(name: str) -> list[Path]:
    """Existing folders, separated as in PATH."""
    folders = [Path(part).resolve() for part in env_text(name).split(os.pathsep) if part]
    for folder in folders:
        if not folder.is_dir():
            raise ImproperlyConfigured(f"{name} names {str(folder)!r}, which is not a folder")
    return folders


def env_url(name: str, default: str, schemes: tuple[str, ...]) -> str:
    url = env_text(name, default)
    if url and urlsplit(url).scheme not in schemes:
        expected = ", ".join(f"{scheme}://" for scheme in schemes)
        # The value is not repeated: such an address may hold a password.
        raise ImproperlyConfigured(f"{name} does not start with one of {expected}")
    return url


def env_rate(name: str, default: str) -> str | None:
    """Requests per time, as '3000/min'; 'off' means no limit."""
    text = env_text(name, default)
    if text == "off":
        return None
    count, _, period = text.partition("/")
    if not (count.isascii() and count.isdigit() and int(count) > 0 and period in {"s", "min", "hour", "day"}):
        raise ImproperlyConfigured(f"{name} is {text!r}; set it as '3000/min' (s, min, hour, day) or 'off'")
    return text


def private_folder(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"cannot make the folder {str(folder)!r}: {error}") from error
    return folder


def secret_key(folder: Path) -> str:
    """The secret key: from the environment, else a file of mode 0600 made at the first start."""
    given = env_text("TUNELORE_SECRET_KEY")
    if given:
        return given
    file = folder / "secret_key"
    if not file.exists():
        # Several processes may start at once. link() is atomic and fails for all but one of them, and nobody
        # ever reads a half-written key. mkstemp makes the file with mode 0600.
        handle, draft = tempfile.mkstemp(dir=folder, prefix=".secret_key-")
        with os.fdopen(handle, "w", encoding="ascii") as output:
            output.write(secrets.token_urlsafe(64))
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    return file.read_text(encoding="ascii").strip()


def database(url: str, folder: Path) -> dict[str, Any]:
    """Django's DATABASES entry for postgres://user:password@host:port/name?option=value or sqlite:///path."""
    parts = urlsplit(url)
    if not url or parts.scheme == "sqlite":
        pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": unquote(parts.path)[1:] if url else folder / "db.sqlite3",
            # IMMEDIATE: a transaction that reads first and writes later would otherwise fail at once, without
            # waiting, when another has written in between.
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": pragmas, "timeout": 20},
        }
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    if env_bool("TUNELORE_DATABASE_POOL", True):
        size = env_int("TUNELORE_DATABASE_POOL_SIZE", 10, low=1, high=500)
        # Who finds no connection is told so (503) after 10 s: at the usual 30 servers and clients have given up.
        options["pool"] = {"min_size": 1, "max_size": size, "timeout": 10.0}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path)[1:],
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
        "OPTIONS": options,
    }


# --- The folder of all state, and who may speak to the hub ------------------------------------------------

HOME = private_folder(Path(env_text("TUNELORE_HOME", str(ROOT / "var"))).resolve())
UPLOADS_FOLDER = HOME / "uploads"
CACHE_FOLDER = HOME / "cache"
LOGS_FOLDER = HOME / "logs"
MODEL_ROOTS = env_folders("TUNELORE_MODEL_ROOTS")
DATA_ROOTS = env_folders("TUNELORE_DATA_ROOTS")
POWERCAP = env_text("TUNELORE_POWERCAP", "/sys/class/powercap")  # most virtual machines have none

DEBUG = env_bool("TUNELORE_DEBUG", False)
SECRET_KEY = secret_key(HOME)
PUBLIC_URL = env_url("TUNELORE_PUBLIC_URL", "", ("http", "https")).rstrip("/")
ALLOWED_HOSTS = env_list("TUNELORE_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
if PUBLIC_URL:
    ALLOWED_HOSTS.append(urlsplit(PUBLIC_URL).hostname or "")
    CSRF_TRUSTED_ORIGINS = ["{0.scheme}://{0.netloc}".format(urlsplit(PUBLIC_URL))]
# Whether a reverse proxy stands before the hub: only then are its X-Forwarded-* headers believed.
BEHIND_PROXY = env_bool("TUNELORE_BEHIND_PROXY", False)
IS_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_HSTS_SECONDS = 365 * 86_400 if IS_HTTPS else 0
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = IS_HTTPS
    SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
# What the other hosts of the domain do is not the hub's to promise.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_NAME = "tunelore_session"
CSRF_COOKIE_NAME = "tunelore_csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "knowledgebase.web.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# One value a header, sent by core.headers. No inline script or style, nothing from other hosts.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

# --- Parts ------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "knowledgebase.core",
    "knowledgebase.accounts",
    "knowledgebase.experiences",
    "knowledgebase.searches",
    "knowledgebase.web",
]
MIDDLEWARE = [
    "knowledgebase.core.requests.RequestIds",
    "knowledgebase.core.headers.ContentSecurityPolicy",
    "django.middleware.security.SecurityMiddleware",
    "knowledgebase.core.compression.TextCompression",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Outside everything that can fail, so that each failure below /api/ leaves as problem details.
    "knowledgebase.core.api.ApiProblems",
    "knowledgebase.core.deadlines.ReadDeadline",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "knowledgebase.urls"
WSGI_APPLICATION = "knowledgebase.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "knowledgebase.web.context.frame",
            ]
        },
    }
]
STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "static"]
# Files are served from where they stand: no build step, nothing to collect.
WHITENOISE_USE_FINDERS = True

DATABASES = {
    "default": database(env_url("TUNELORE_DATABASE_URL", "", ("postgres", "postgresql", "sqlite")), HOME)
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
if sqlite3.sqlite_version_info < (3, 35):
    raise ImproperlyConfigured(f"SQLite {sqlite3.sqlite_version} is too old; 3.35 or newer is needed")

_cache_url = env_url("TUNELORE_CACHE_URL", "", ("redis", "rediss"))
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": _cache_url}
    if _cache_url
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/accounts/sign-in/"
LOGIN_REDIRECT_URL = "/"

LANGUAGE_CODE, USE_I18N, TIME_ZONE = "en", False, "UTC"

# --- Mail: for password links only; without it the operator hands them out -----------------------------------

_mail = urlsplit(env_url("TUNELORE_EMAIL_URL", "", ("smtp", "smtps", "console")))
MAIL_IS_SET_UP = bool(_mail.scheme)
EMAIL_BACKEND = "django.core.mail.backends." + (
    {"console": "console", "": "dummy"}.get(_mail.scheme, "smtp") + ".EmailBackend"
)
EMAIL_HOST, EMAIL_PORT = _mail.hostname or "localhost", _mail.port or (465 if _mail.scheme == "smtps" else 25)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_USE_TLS = dict(parse_qsl(_mail.query)).get("tls") == "1"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env_text("TUNELORE_EMAIL_FROM", "tunelore@localhost")

# --- Bounds of what comes in ------------------------------------------------------------------------------

# One API body; a record is at most 256 KiB, so an ordinary batch of 100 is far below.
MAX_BODY_BYTES = env_int("TUNELORE_MAX_BODY_BYTES", 16 * 2**20, low=2**16, high=2**30)
MAX_BATCH_ITEMS = env_int("TUNELORE_MAX_BATCH_ITEMS", 500, low=1, high=10_000)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
# What may be fetched of one repository of the HF Hub; how long a dataset may be read; how long an upload is kept.
MAX_DOWNLOAD_BYTES = env_int("TUNELORE_MAX_DOWNLOAD_BYTES", 5 * 2**30, low=2**20, high=2**42)
DATASET_TIMEOUT_S = env_int("TUNELORE_DATASET_TIMEOUT_S", 3600, low=10, high=7 * 86_400)
UPLOAD_DAYS = env_int("TUNELORE_UPLOAD_DAYS", 90, low=1, high=3650)
# A run that says nothing for so long is taken for lost; its own record still wins whenever it arrives.
RUN_SILENCE_SECONDS = env_int("TUNELORE_RUN_SILENCE_SECONDS", 600, low=10, high=30 * 86_400)

RATE = env_text("TUNELORE_RATE_USER", "3000/min")
# A statement of a GET that takes longer is given up, with a reason for who asked; a whole export holds a thread.
READ_TIMEOUT_S = env_int("TUNELORE_READ_TIMEOUT_S", 2, low=1, high=600)
EXPORT_TIMEOUT_S = env_int("TUNELORE_EXPORT_TIMEOUT_S", 3600, low=10, high=86_400)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knowledgebase.accounts.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "knowledgebase.core.api.HasScope",
        "knowledgebase.core.parameters.KnownParameters",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["knowledgebase.core.bodies.BoundedJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "knowledgebase.core.api.CursorPages",
    "DEFAULT_THROTTLE_CLASSES": [
        "knowledgebase.core.throttles.UserThrottle",
        "knowledgebase.core.throttles.AnonymousThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "user": env_rate("TUNELORE_RATE_USER", "3000/min"),
        # Counted apart, so that a loop that reads never keeps a training from being logged.
        "experiences:read": env_rate("TUNELORE_RATE_READ", RATE),
        "experiences:write": env_rate("TUNELORE_RATE_WRITE", RATE),
        "searches:write": env_rate("TUNELORE_RATE_SEARCHES", RATE),
        "federation": env_rate("TUNELORE_RATE_FEDERATION", RATE),
        "admin": env_rate("TUNELORE_RATE_ADMIN", RATE),
        "anonymous": env_rate("TUNELORE_RATE_ANONYMOUS", "120/min"),
    },
    # Whose address counts for anonymous limits: the last one the proxy saw, else the connection's own.
    "NUM_PROXIES": int(BEHIND_PROXY),
    "DEFAULT_SCHEMA_CLASS": "knowledgebase.core.openapi.ApiSchema",
    "URL_FORMAT_OVERRIDE": None,  # an answer has one form; `format` is read by nobody
    "EXCEPTION_HANDLER": "knowledgebase.core.api.problem_handler",
    "DEFAULT_METADATA_CLASS": "knowledgebase.core.parameters.Options",
    # JSON keeps numbers as numbers; a value that is not finite never leaves as invalid JSON.
    "STRICT_JSON": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "TuneLore hub",
    "DESCRIPTION": "The shared memory of language-model fine-tuning. Errors are problem details (RFC 9457).",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "ENUM_NAME_OVERRIDES": {
        "DatasetState": "knowledgebase.searches.models.Dataset.State",
        "SearchState": "knowledgebase.searches.models.Search.State",
        "TrialState": "knowledgebase.searches.models.Trial.State",
        "Visibility": "knowledgebase.experiences.models.Experience.Visibility",
        "PublishedVisibility": [("team", "team"), ("hub", "hub"), ("public", "public")],
    },
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "knowledgebase.core.openapi.add_problems",
    ],
    "COMPONENT_SPLIT_REQUEST": True,
}

# --- Workers: the row is the queue, a message is only a hint ------------------------------------------------

CELERY_BROKER_URL = env_url("TUNELORE_BROKER_URL", "filesystem://", ("filesystem", "redis", "rediss"))
if CELERY_BROKER_URL.startswith("filesystem"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        option: str(private_folder(HOME / "broker" / folder))
        for option, folder in (
            ("data_folder_in", "messages"),
            ("data_folder_out", "messages"),
            ("control_folder", "control"),
        )
    }
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TIMEZONE = TIME_ZONE
CELERY_TASK_IGNORE_RESULT = CELERY_ENABLE_UTC = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True

# --- What the hub says of itself ---------------------------------------------------------------------------

# Who knows it may read /metrics from anywhere; without it, only this very machine may.
METRICS_TOKEN = env_text("TUNELORE_METRICS_TOKEN")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "knowledgebase.core.requests.AddRequestId"}},
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} [{request_id}]: {message}", "style": "{"},
        "json": {"()": "knowledgebase.core.requests.JsonLines"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": env_choice("TUNELORE_LOG_FORMAT", ("line", "json")),
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["console"], "level": env_text("TUNELORE_LOG_LEVEL", "INFO")},
}

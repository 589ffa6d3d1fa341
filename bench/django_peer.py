"""Django's session and auth middleware on SQLite, without and with django-otp's and django-allauth's.

django-allauth asks for its second factor when somebody logs in, so its middleware looks at no verification.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bench.calling import make_environ, wsgi_batch
from bench.timing import Batch

__all__ = ["subjects"]


def subjects() -> dict[str, Batch]:
    """Give the site without and with each of the two, for a user who is logged in and verified."""
    cookie = _prepare()
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler

    base = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    settings.MIDDLEWARE = base
    bare = WSGIHandler()
    settings.MIDDLEWARE = [*base, "django_otp.middleware.OTPMiddleware"]
    with_otp = WSGIHandler()
    settings.MIDDLEWARE = [*base, "allauth.account.middleware.AccountMiddleware"]
    with_allauth = WSGIHandler()
    return {
        "django django-allauth": wsgi_batch(with_allauth, make_environ("/plain", cookie)),
        "django": wsgi_batch(bare, make_environ("/plain", cookie)),
        "django django-otp": wsgi_batch(with_otp, make_environ("/verified", cookie)),
    }


def _plain(request: Any) -> Any:
    from django.http import HttpResponse

    return HttpResponse(b"ok", status=200 if request.user.is_authenticated else 403)


def _verified(request: Any) -> Any:
    from django.http import HttpResponse

    return HttpResponse(b"ok", status=200 if request.user.is_verified() else 403)


def _prepare() -> str:
    """Set up a site in a folder of its own; return the Cookie header of a verified user."""
    import django
    from django.conf import settings

    folder = tempfile.mkdtemp(prefix="bench-django-")
    settings.configure(
        SECRET_KEY="the peers' secret",  # noqa: S106 - of a measurement
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        ROOT_URLCONF=__name__,
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(Path(folder, "site.db")),
                "CONN_MAX_AGE": None,
            }
        },
        MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],  # which it looks for at start
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "allauth",
            "allauth.account",
            "allauth.mfa",
            "django_otp",
            "django_otp.plugins.otp_totp",
        ],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        LOGGING_CONFIG=None,
    )
    django.setup()
    from django.contrib.auth import get_user_model, login
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command
    from django.http import HttpRequest
    from django_otp import login as otp_login
    from django_otp.plugins.otp_totp.models import TOTPDevice

    call_command("migrate", verbosity=0)
    user = get_user_model().objects.create_user("ada", "ada@example.com", "correct horse")
    device = TOTPDevice.objects.create(user=user, name="Phone", confirmed=True)
    request = HttpRequest()
    request.session = SessionStore()
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    request.user = user
    otp_login(request, device)
    request.session.save()
    return f"sessionid={request.session.session_key}"


def _urls() -> list[Any]:
    from django.urls import path

    return [path("plain", _plain), path("verified", _verified)]


def __getattr__(name: str) -> Any:
    """Be the root of the URLs, once Django is set up."""
    if name == "urlpatterns":
        return _urls()
    raise AttributeError(name)

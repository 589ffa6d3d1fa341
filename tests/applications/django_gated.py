"""Django's admin with a second factor in front, for WSGI and ASGI servers; DJANGO_FOLDER holds the database."""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

from twofa_gate import Enforcement, Gate, Policy
from twofa_gate.asgi import TwoFactorMiddleware as ASGIMiddleware
from twofa_gate.hosts.django import DjangoSession
from twofa_gate.stores.sqlite import SQLiteStore
from twofa_gate.wsgi import TwoFactorMiddleware as WSGIMiddleware

FOLDER = os.environ["DJANGO_FOLDER"]

settings.configure(
    SECRET_KEY="s" * 50,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="tests.applications.django_admin_urls",
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{FOLDER}/django.db"}},
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
        "django.contrib.staticfiles",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    STATIC_URL="/static/",
    USE_TZ=True,
)
django.setup()

gate = Gate(
    secret_keys=["django" * 6],
    issuer="Admin",
    plugins=[DjangoSession(), SQLiteStore(f"{FOLDER}/2fa.db")],
    policy=Policy(Enforcement.REQUIRED),
    initialize=True,
    public=["/static/"],
    login_paths=["/admin/login/"],
    logout_paths=["/admin/logout/"],
)


def prepare() -> None:
    """Make the database, with one superuser."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    User.objects.create_superuser("ada", "ada@example.com", "correct horse")


if __name__ == "__main__":
    prepare()

wsgi = WSGIMiddleware(get_wsgi_application(), gate)
asgi = ASGIMiddleware(get_asgi_application(), gate)

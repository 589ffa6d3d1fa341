"""A Django project in one file: log in, log out, who am I, change the password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PASSWORD = "correct horse"


def configure(folder: Path, engine: str = "django.contrib.sessions.backends.db") -> None:
    """Configure Django once in this process, on a SQLite database in `folder`."""
    import django
    from django.conf import settings

    if settings.configured:
        return
    settings.configure(
        SECRET_KEY="s" * 50,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="tests.hosts.django_site",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "django.db")}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        SESSION_ENGINE=engine,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        USE_TZ=True,
    )
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    User.objects.create_user("ada", "ada@example.com", PASSWORD)


def _login(request: Any) -> Any:
    from django.contrib.auth import authenticate, login
    from django.http import HttpResponse, HttpResponseRedirect

    user = authenticate(request, username=request.POST["user"], password=request.POST["password"])
    if user is None:
        return HttpResponse("wrong", status=403)
    login(request, user)
    # Some applications answer a login with a page that is already private.
    return HttpResponse(f"private {user}") if "page" in request.POST else HttpResponseRedirect("/who")


def _logout(request: Any) -> Any:
    from django.contrib.auth import logout
    from django.http import HttpResponse

    logout(request)
    return HttpResponse("bye")


def _who(request: Any) -> Any:
    from django.http import HttpResponse

    return HttpResponse(f"private {request.user}")


def _urls() -> list[Any]:
    from django.urls import path

    return [path("login", _login), path("logout", _logout), path("who", _who)]


class _Lazy(list[Any]):
    """The URL patterns, made when Django asks for them: it has to be configured first."""

    def __iter__(self) -> Any:
        if not len(self):
            self.extend(_urls())
        return super().__iter__()

    def __reversed__(self) -> Any:
        return reversed(list(iter(self)))


urlpatterns = _Lazy()

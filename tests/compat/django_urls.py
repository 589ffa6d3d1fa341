"""The small application in Django; its settings are those of any Django that this process has configured."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

__all__ = ["configure"]


def configure() -> None:
    """Configure Django as the other tests of this process do: it can be done once only."""
    from tests.hosts.django_site import configure as configure_site

    configure_site(Path(tempfile.mkdtemp(prefix="django-")))


class OurUrls:
    """Serves our URLs while it is open, whatever the project's own are."""

    def __enter__(self) -> None:
        from django.test import override_settings

        self._override = override_settings(ROOT_URLCONF="tests.compat.django_urls", MIDDLEWARE=[])
        self._override.enable()

    def __exit__(self, *unused: object) -> None:
        self._override.disable()


def _home(request: Any) -> Any:
    from django.http import HttpResponse

    return HttpResponse(f"private {request.COOKIES.get('who', 'nobody')}", content_type="text/plain")


def _login(request: Any) -> Any:
    from django.http import HttpResponse

    response = HttpResponse(status=204)
    response.set_cookie("who", request.POST["user"])
    return response


def _logout(request: Any) -> Any:
    from django.http import HttpResponse

    response = HttpResponse(status=204)
    response.delete_cookie("who")
    return response


def __getattr__(name: str) -> Any:
    """Make the URL patterns when Django asks for them: it has to be configured first."""
    if name != "urlpatterns":
        raise AttributeError(name)
    from django.urls import path

    return [path("", _home), path("login", _login), path("logout", _logout)]

"""Every framework, gated without a change to it, through the whole flow."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from tests.compat.django_urls import OurUrls
from tests.compat.flow import whole_flow
from tests.compat.frameworks import ASGI, WSGI
from tests.compat.gating import make_gate
from tests.support.http import PlainBrowser
from twofa_gate.asgi import TwoFactorMiddleware as ASGIMiddleware
from twofa_gate.wsgi import TwoFactorMiddleware as WSGIMiddleware


@pytest.mark.filterwarnings("ignore:pkg_resources:UserWarning")  # what Pyramid imports
@pytest.mark.filterwarnings("ignore:Deprecated call to `pkg_resources:DeprecationWarning")  # likewise
@pytest.mark.filterwarnings("ignore:'cgi' is deprecated:DeprecationWarning")  # likewise
@pytest.mark.parametrize("name", WSGI)
def test_wsgi_frameworks(name: str) -> None:
    """A WSGI framework's application is gated, set up, passed, logged out of and challenged."""
    app = WSGI[name]()
    with ExitStack() as stack:
        if name == "Django":
            stack.enter_context(OurUrls())
        whole_flow(stack.enter_context(PlainBrowser.on_wsgi(WSGIMiddleware(app, make_gate()))))


@pytest.mark.parametrize("name", ASGI)
def test_asgi_frameworks(name: str) -> None:
    """An ASGI framework's application is gated, set up, passed, logged out of and challenged."""
    app = ASGI[name]()
    with ExitStack() as stack:
        if name == "Django":
            stack.enter_context(OurUrls())
        whole_flow(stack.enter_context(PlainBrowser.on_asgi(ASGIMiddleware(app, make_gate()))))

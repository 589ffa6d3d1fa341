"""The tutorial's application and its plugin keep the promise: run it with pytest, beside `app.py`."""

import pytest
from app import app, users

from twofa_gate.hosts.flask import FlaskSession
from twofa_gate.testing import HostConformance, HostUnderTest

users["grace@example.com"] = users["ada@example.com"]  # the same password


def log_in(browser, user_id):
    browser.post("/login", {"email": user_id, "password": "correct horse"})


class TestHost(HostConformance):
    @pytest.fixture
    def host(self):
        bare = app.wsgi_app
        return HostUnderTest(
            build=lambda wrap: bare if wrap is None else wrap(bare),
            plugins=[FlaskSession(app, user_id="user", login="login")],
            users={user_id: f"For {user_id} alone." for user_id in users},
            logins={"form": log_in},
            pages=["/"],
            logout=lambda browser: browser.get("/logout"),
            settings={"login_paths": ["/login"], "logout_paths": ["/logout"]},
        )

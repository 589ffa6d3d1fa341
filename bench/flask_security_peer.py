"""Flask-Security on SQLite: a route of a bare Flask application, and the same for a user who is logged in.

Its second factor is asked for when somebody logs in, so nothing looks at it later: what a request of a verified user
costs is `auth_required`, which opens the session, loads the user and looks at their state.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bench.calling import make_environ, wsgi_batch
from bench.timing import Batch

__all__ = ["subjects"]


def subjects() -> dict[str, Batch]:
    """Give the route without Flask-Security and behind its `auth_required`, with the session of a user."""
    from flask import Flask
    from flask_security.core import Security
    from flask_security.datastore import FSQLALiteUserDatastore
    from flask_security.decorators import auth_required
    from flask_security.models import sqla
    from flask_sqlalchemy_lite import SQLAlchemy
    from sqlalchemy.orm import DeclarativeBase

    class Model(DeclarativeBase):
        """The tables."""

    sqla.FsModels.set_db_info(base_model=Model)

    class Role(Model, sqla.FsRoleMixin):
        """A role."""

        __tablename__ = "role"

    class User(Model, sqla.FsUserMixin):
        """A user."""

        __tablename__ = "user"

    folder = tempfile.mkdtemp(prefix="bench-flask-security-")
    app = Flask("flask_security_peer")
    app.config.update(
        SECRET_KEY="the peers' secret",  # noqa: S106 - of a measurement
        SECURITY_PASSWORD_SALT="1234567890",  # noqa: S106 - likewise
        SECURITY_TWO_FACTOR=True,
        SECURITY_TWO_FACTOR_ENABLED_METHODS=["authenticator"],
        SECURITY_TOTP_SECRETS={"1": "a" * 32},
        SECURITY_TOTP_ISSUER="Bench",
        SQLALCHEMY_ENGINES={"default": f"sqlite:///{Path(folder, 'site.db')}"},
    )
    database = SQLAlchemy(app)
    store = FSQLALiteUserDatastore(database, User, Role)
    Security(app, store)

    def page() -> str:
        return "ok"

    bare = Flask("bare")
    bare.add_url_rule("/private", "private", page)
    app.add_url_rule("/private", "private", auth_required("session")(page))
    with app.app_context():
        Model.metadata.create_all(database.engine)
        user = store.create_user(email="ada@example.com", password="not a hash")  # noqa: S106 - nobody logs in by it
        database.session.commit()
        session = {"_user_id": user.fs_uniquifier, "_fresh": True, "fs_cc": "set", "fs_paa": 2_000_000_000.0}
        serializer: Any = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
        cookie = f"session={serializer.dumps(session)}"
    return {
        "flask": wsgi_batch(bare, make_environ("/private", cookie)),
        "flask flask-security": wsgi_batch(app, make_environ("/private", cookie)),
    }

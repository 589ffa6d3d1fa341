"""The reading room's list: a Flask application whose page is changed in parts, by htmx.

It knows nothing of a second factor. `gated.py` puts one in front.
"""

from __future__ import annotations

import hmac
import os
import secrets

from flask import Blueprint, Flask, abort, redirect, render_template, request, session
from werkzeug.wrappers import Response

USERS = {"ada@example.com": "correct horse"}  # an application has a table of them, with hashed passwords
BOOKS = ["Tide tables of 1911", "On knots"]


pages = Blueprint("pages", __name__)


def check_token() -> None:
    """Refuse what another site has sent. htmx sends the token in a header, which the page tells it."""
    given = request.headers.get("X-CSRF-Token") or request.form.get("csrf", "")
    if not hmac.compare_digest(given.encode(), session.get("csrf", secrets.token_hex()).encode()):
        abort(400)


@pages.get("/login")
def login_form() -> str:
    """Show the login form."""
    session.setdefault("csrf", secrets.token_hex(16))
    return render_template("login.html")


@pages.post("/login")
def login() -> Response:
    """Open a session for whoever knows the password."""
    check_token()
    email = request.form.get("email", "").strip().lower()
    known = USERS.get(email, secrets.token_hex())
    if not hmac.compare_digest(request.form.get("password", "").encode(), known.encode()):
        return redirect("/login", 303)
    session.clear()
    session.update(user_id=email, login_id=secrets.token_hex(16), csrf=secrets.token_hex(16))
    return redirect("/", 303)


@pages.get("/")
def page() -> str | Response:
    """Show the page, into which htmx puts the list."""
    return render_template("page.html") if "user_id" in session else redirect("/login", 303)


@pages.route("/books", methods=["GET", "POST"])
def books() -> str:
    """List the books, with one more if it is posted: a part of the page."""
    if "user_id" not in session:
        abort(401)
    if request.method == "POST":
        check_token()
        title = request.form.get("title", "").strip()
        BOOKS.extend([title] if title else [])
    return render_template("books.html", books=BOOKS)


def create_app() -> Flask:
    """Make the application."""
    production = os.environ.get("EXAMPLE_PRODUCTION") == "1"
    app = Flask(__name__)
    app.secret_key = os.environ["EXAMPLE_SECRET"] if production else "reading-room-development"
    app.config.update(SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_SECURE=production)
    app.register_blueprint(pages)
    return app

"""The back office of Three Ovens, a chain of three bakeries: orders, invoices and a login of its own.

It knows nothing of a second factor. `gated.py` puts one in front.
"""

from __future__ import annotations

import csv
import hmac
import io
import os
import re
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from functools import wraps
from typing import ParamSpec

from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    flash,
    g,
    jsonify,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.security import check_password_hash

from examples.flask_app.database import BAKERIES, connect, prepare

DEVELOPMENT_SECRET = "three-ovens-development"

P = ParamSpec("P")
pages = Blueprint("pages", __name__)


def create_app(database: str | None = None) -> Flask:
    """Make the application. `database` is the path of its SQLite file, else EXAMPLE_DATABASE names it."""
    production = os.environ.get("EXAMPLE_PRODUCTION") == "1"
    secret = os.environ.get("EXAMPLE_SECRET") or DEVELOPMENT_SECRET
    if production and secret == DEVELOPMENT_SECRET:
        raise RuntimeError("set EXAMPLE_SECRET to a random string: the development secret is no secret")

    app = Flask(__name__)
    app.config.update(
        DATABASE=database or os.environ.get("EXAMPLE_DATABASE", "example.db"),
        SECRET_KEY=secret,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=production,
    )
    prepare(app.config["DATABASE"])
    app.register_blueprint(pages)
    app.teardown_appcontext(_close_database)
    app.context_processor(lambda: {"csrf_token": _csrf_token})
    app.template_filter("money")(_money)
    return app


# What every request needs


def _database() -> sqlite3.Connection:
    if "database" not in g:
        g.database = connect(current_app.config["DATABASE"])
    connection: sqlite3.Connection = g.database
    return connection


def _close_database(_error: BaseException | None) -> None:
    if "database" in g:
        g.pop("database").close()


def _csrf_token() -> str:
    token: str = session.setdefault("csrf", secrets.token_urlsafe(24))
    return token


def _money(cents: int) -> str:
    return f"{cents / 100:,.2f} €"


@pages.before_request
def _recognize_user() -> None:
    g.user = None
    if "user_id" in session:
        found = _database().execute("SELECT * FROM users WHERE id = ?", (session["user_id"],))
        g.user = found.fetchone()


@pages.before_request
def _check_form() -> None:
    if request.method == "POST":
        sent, kept = request.form.get("csrf", ""), session.get("csrf", "")
        if not kept or not hmac.compare_digest(sent.encode(), kept.encode()):
            abort(400, "This form has expired. Go back, reload the page and try again.")


def _login_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if g.user is not None:
            return view(*args, **kwargs)
        if "/api/" in request.path:
            return jsonify(error="login required"), 401
        here = request.full_path.rstrip("?") if request.method == "GET" else request.path
        return redirect(url_for("pages.login", next=request.script_root + here), 303)

    return guarded


def _local(target: str) -> str:
    """Return `target` if it is a path of this application, else the start page."""
    return target if re.fullmatch(r"/(?![/\\])[!-~]*", target) else url_for("pages.home")


# The start page, login and logout


@pages.get("/")
def home() -> ResponseReturnValue:
    """Say who is logged in."""
    return render_template("home.html")


@pages.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """Show the login form, and open a session for whoever knows the password."""
    target = request.values.get("next", "")
    if request.method == "GET":
        return render_template("login.html", next=target)

    email = request.form.get("email", "").strip().lower()
    user = _database().execute("SELECT * FROM users WHERE email = ?", (email,)).fetchone()
    if user is None or not check_password_hash(user["password"], request.form.get("password", "")):
        error = "E-mail address or password is wrong."
        return render_template("login.html", next=target, email=email, error=error), 403

    session.clear()
    session.update(user_id=user["id"], email=user["email"], login_id=secrets.token_hex(16))
    # The audit log knows each login by its own id.
    _database().execute(
        "INSERT INTO logins (login_id, user_id) VALUES (?, ?)", (session["login_id"], user["id"])
    )
    flash(f"Welcome back, {user['name']}.")
    return redirect(_local(target), 303)


@pages.post("/logout")
def logout() -> ResponseReturnValue:
    """End the session."""
    session.clear()
    flash("You are logged out.")
    return redirect(url_for("pages.home"), 303)


# The office: what the bakeries order


@pages.get("/office/orders")
@_login_required
def orders() -> ResponseReturnValue:
    """List the latest orders, above a form for a new one."""
    latest = _database().execute("SELECT * FROM orders ORDER BY id DESC LIMIT 20").fetchall()
    return render_template("orders.html", orders=latest, bakeries=BAKERIES, today=date.today())  # noqa: DTZ011 - the bakeries' own day


@pages.post("/office/orders")
@_login_required
def add_order() -> ResponseReturnValue:
    """Enter an order."""
    bakery, item = request.form.get("bakery", ""), request.form.get("item", "").strip()
    quantity = request.form.get("quantity", type=int) or 0
    day = request.form.get("day", type=date.fromisoformat)
    if bakery not in BAKERIES or not item or not 1 <= quantity <= 1000 or day is None:
        flash("An order needs a bakery, an item, a quantity from 1 to 1000 and a day.")
    else:
        _database().execute(
            "INSERT INTO orders (bakery, item, quantity, day, entered_by) VALUES (?, ?, ?, ?, ?)",
            (bakery, item, quantity, str(day), g.user["email"]),
        )
        flash(f"Ordered for {bakery}: {quantity} of {item}.")
    return redirect(url_for("pages.orders"), 303)


@pages.get("/office/api/orders")
@_login_required
def orders_json() -> ResponseReturnValue:
    """Tell the orders to the bakeries' kitchen displays."""
    rows = _database().execute("SELECT * FROM orders ORDER BY id").fetchall()
    return jsonify(orders=[dict(row) for row in rows])


@pages.get("/office/orders.csv")
@_login_required
def orders_csv() -> ResponseReturnValue:
    """Download all orders, row by row."""
    headers = {"Content-Disposition": "attachment; filename=orders.csv"}
    return current_app.response_class(
        _csv_rows(current_app.config["DATABASE"]), mimetype="text/csv", headers=headers
    )


def _csv_rows(path: str) -> Iterator[str]:
    """Outlives the request, and so has a connection of its own."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    with closing(connect(path)) as database:
        rows = database.execute("SELECT id, day, bakery, item, quantity, entered_by FROM orders ORDER BY id")
        writer.writerow(column[0] for column in rows.description)
        yield buffer.getvalue()
        for row in rows:
            buffer.seek(0)
            buffer.truncate()
            writer.writerow(row)
            yield buffer.getvalue()


# Billing: what the customers owe


@pages.get("/billing/invoices")
@_login_required
def invoices() -> ResponseReturnValue:
    """List the invoices."""
    rows = _database().execute("SELECT * FROM invoices ORDER BY due").fetchall()
    return render_template("invoices.html", invoices=rows)


@pages.post("/billing/invoices/<int:number>/paid")
@_login_required
def mark_paid(number: int) -> ResponseReturnValue:
    """Note that an invoice was paid."""
    if not _database().execute("UPDATE invoices SET paid = 1 WHERE id = ?", (number,)).rowcount:
        abort(404)
    flash(f"Invoice {number} is paid.")
    return redirect(url_for("pages.invoices"), 303)


@pages.get("/billing/api/summary")
@_login_required
def summary_json() -> ResponseReturnValue:
    """Tell how much is still owed."""
    row = (
        _database()
        .execute("SELECT count(*), coalesce(sum(cents), 0) FROM invoices WHERE NOT paid")
        .fetchone()
    )
    return jsonify(open=row[0], cents=row[1])

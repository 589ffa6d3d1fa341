"""A small application with a login of its own. It knows nothing of a second factor."""

import secrets

from flask import Flask, redirect, request, session
from werkzeug.security import check_password_hash, generate_password_hash

app = Flask(__name__)
app.config["SECRET_KEY"] = "for this tutorial only"
users = {"ada@example.com": generate_password_hash("correct horse")}


@app.get("/")
def home():
    if "user" not in session:
        return redirect("/login")
    return (
        f"<h1>Quarterly figures</h1><p>For {session['user']} alone.</p><p><a href='/logout'>Log out</a></p>"
    )


@app.get("/login")
def login_form():
    return """<form method="post" action="/login"><label>E-mail <input name="email"></label>
    <label>Password <input name="password" type="password"></label><button>Log in</button></form>"""


@app.post("/login")
def login():
    email, password = request.form.get("email", ""), request.form.get("password", "")
    if email not in users or not check_password_hash(users[email], password):
        return "<p>E-mail or password is wrong.</p>" + login_form(), 401
    session.update(user=email, login=secrets.token_hex(16))
    return redirect("/")


@app.get("/logout")
def logout():
    session.clear()
    return redirect("/login")

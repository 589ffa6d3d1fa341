"""A small application with a login of its own. It knows nothing of a second factor."""

import secrets

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route
from werkzeug.security import check_password_hash, generate_password_hash

users = {"ada@example.com": generate_password_hash("correct horse")}
FORM = """<form method="post" action="/login"><label>E-mail <input name="email"></label>
<label>Password <input name="password" type="password"></label><button>Log in</button></form>"""


async def home(request):
    if "user" not in request.session:
        return RedirectResponse("/login", 303)
    user = request.session["user"]
    return HTMLResponse(
        f"<h1>Quarterly figures</h1><p>For {user} alone.</p><p><a href='/logout'>Log out</a></p>"
    )


async def login(request):
    if request.method == "GET":
        return HTMLResponse(FORM)
    form = await request.form()
    email, password = form.get("email", ""), form.get("password", "")
    if email not in users or not check_password_hash(users[email], password):
        return HTMLResponse(f"<p>E-mail or password is wrong.</p>{FORM}", 401)
    request.session.update(user=email, login=secrets.token_hex(16))
    return RedirectResponse("/", 303)


async def logout(request):
    request.session.clear()
    return RedirectResponse("/login", 303)


app = Starlette(
    routes=[
        Route("/", home),
        Route("/login", login, methods=["GET", "POST"]),
        Route("/logout", logout),
    ],
    middleware=[Middleware(SessionMiddleware, secret_key="for this tutorial only")],
)

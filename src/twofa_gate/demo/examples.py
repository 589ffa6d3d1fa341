"""The example applications that the demo can start, and what has to be installed for each."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from twofa_gate.errors import ConfigurationError

__all__ = ["EXAMPLES", "Example", "choose", "examples_folder"]

_HINT = "Install them with: pip install 'twofa-gate[demo]'"


@dataclass(frozen=True)
class Example:
    """An example: how it is served, and where in it the demo looks."""

    name: str
    title: str
    package: str
    server: str
    needs: tuple[str, ...]
    page: str
    """A page of the location that requires a second factor."""
    data: str
    """A JSON endpoint of the same location."""
    open_page: str
    """A page of the location where it is optional."""
    listening: str
    """What the server prints before its address."""

    @property
    def gate(self) -> str:
        """The gate, as `--gate` takes it."""
        return f"{self.package}.gated:gate"

    def command(self, port: int, settings: Path) -> list[str]:
        """Return the command that serves it on the loopback, on any free port if `port` is 0."""
        start = [sys.executable, "-m", self.server]
        if self.server == "gunicorn":
            start += ["--config", str(settings), "--bind", f"127.0.0.1:{port}", "--workers", "2"]
        else:
            start += ["--host", "127.0.0.1", "--port", str(port), "--no-use-colors"]
        return [*start, f"{self.package}.gated:app"]


EXAMPLES = {
    "flask": Example(
        name="flask",
        title="Three Ovens, the back office of three bakeries (Flask under gunicorn)",
        package="examples.flask_app",
        server="gunicorn",
        needs=("flask", "gunicorn"),
        page="/billing/invoices",
        data="/billing/api/summary",
        open_page="/office/orders",
        listening="Listening at: ",
    ),
    "starlette": Example(
        name="starlette",
        title="Tern Bay Marina, a harbor office (Starlette under uvicorn)",
        package="examples.starlette_app",
        server="uvicorn",
        needs=("starlette", "uvicorn", "python_multipart"),
        page="/billing/fees",
        data="/billing/api/summary",
        open_page="/office/log",
        listening="Uvicorn running on ",
    ),
}


def choose(name: str | None) -> Example:
    """Return the example of this name, or the first one that can run here.

    Raises `ConfigurationError` that says what to install.
    """
    wanted = list(EXAMPLES.values()) if name is None else [EXAMPLES[name]]
    lacking = {each.name: _missing("httpx", *each.needs) for each in wanted}
    for each in wanted:
        if not lacking[each.name]:
            return each
    missing = ", ".join(lacking[wanted[0].name])
    raise ConfigurationError(f"The demo needs packages that are not installed ({missing}). {_HINT}")


def _missing(*modules: str) -> list[str]:
    return [module for module in modules if find_spec(module) is None]


def examples_folder() -> Path:
    """Return the folder that holds the package `examples`: beside this module in a wheel, else the checkout."""
    here = Path(__file__).resolve().parent
    for folder in (here / "bundle", here.parents[2]):
        if (folder / "examples" / "flask_app" / "gated.py").is_file():
            return folder
    raise ConfigurationError("The demo's example applications are not part of this installation.")

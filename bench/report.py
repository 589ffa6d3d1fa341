"""The results as JSON, as a table, and as plots: `docs/explanation/performance/`."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["load", "write"]

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "explanation" / "performance"
BEFORE = Path(__file__).parent / "before.json"
NAMED = (
    "starlette",
    "Flask",
    "Werkzeug",
    "Django",
    "django-otp",
    "django-allauth",
    "Flask-Security",
    "asgi-csrf",
    "gunicorn",
    "uvicorn",
    "qrcode",
)


def load() -> dict[str, Any]:
    """Return the results of the last run, of which a run of some parts keeps the others."""
    path = FOLDER / "results.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def write(results: dict[str, Any]) -> None:
    """Write everything."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    results["machine"] = {
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in NAMED},
    }
    (FOLDER / "results.json").write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    (FOLDER / "table.inc").write_text("\n".join(_lines(results)) + "\n")
    _plot(results)
    print(f"bench: wrote {FOLDER.relative_to(ROOT)}/")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _lines(results: dict[str, Any]) -> Iterator[str]:
    machine = results["machine"]
    packages = ", ".join(f"{name} {machine[name]}" for name in NAMED)
    yield f"Measured on {machine['processor']}, {machine['system']}, Python {machine['python']}, with {packages}."
    yield ""
    yield _row("what", "goal", "figure", "spread", "before", "adds", "its peer adds")
    yield _row("---", "---", "---", "---", "---", "---", "---")
    before = json.loads(BEFORE.read_text())
    for name, each in results.get("hot path", {}).items():
        goal = "" if each["goal"] is None else f"≤ {each['goal']}"
        spread = f"{each['low']:.2f} to {each['high']:.2f}"
        adds, theirs = f"{each['adds'] * 1e6:.1f} µs", f"{each['peer adds'] * 1e6:.1f} µs ({each['peer']})"
        yield _row(name, goal, f"**{each['ratio']:.3f}**", spread, before.get(name, ""), adds, theirs)
    yield ""
    yield from _others(results)


def _others(results: dict[str, Any]) -> Iterator[str]:
    yield _row("what", "goal", "figure", "spread")
    yield _row("---", "---", "---", "---")
    goals = {"page": 0.95, "nothing": 0.85}
    for name, each in results.get("servers", {}).items():
        kind, _, what = name.partition(" ")
        if what == "memory":
            more = each["gated"] - each["bare"]
            yield _row(f"memory of a {kind} worker over one without", "≤ +15 MB", f"**+{more:.1f} MB**", "")
        elif what in goals:
            spread = f"{each['low']:.2f} to {each['high']:.2f}"
            title = f"throughput over {kind}, {what}: gated over not gated"
            yield _row(title, f"≥ {goals[what]}", f"**{each['ratio']:.3f}**", spread)
            key = " of processor time"
            if f"ratio{key}" not in each:
                continue
            spread = f"{each['low' + key]:.2f} to {each['high' + key]:.2f}"
            yield _row(f"the same for each second{key}", "", f"**{each['ratio' + key]:.3f}**", spread)
    grown = results.get("memory")
    if grown:
        more = grown["after 1,000,000"] - grown["after 100,000"]
        yield _row(
            "memory from 100,000 to 1,000,000 requests, 100,000 users", "flat", f"**{more:+.1f} MB**", ""
        )
    if "challenge" in results:
        yield _row(
            "round trips of a challenge answered", "≤ 2", f"**{results['challenge']['round trips']}**", ""
        )
    if "enrollment" in results:
        each = results["enrollment"]
        figure = f"**{each['page'] / each['matrix']:.2f}**"
        yield _row("enrollment page with its QR code over the bare matrix", "≤ 1.2", figure, "")
    yield from _imports(results.get("imports", {}))
    yield from _instructions(results.get("instructions", {}))
    scale = FOLDER / "scale.json"  # written by bench.scale.growing, which runs before
    yield from _scale(json.loads(scale.read_text()) if scale.exists() else {})


def _imports(took: dict[str, Any]) -> Iterator[str]:
    for name in ("twofa_gate", "Gate", "WSGI middleware", "ASGI middleware"):
        if took:
            figure = f"**{took[name] / took['werkzeug']:.2f}**"
            yield _row(f"import of {name} over import of werkzeug", "≤ 1.2", figure, "")


def _instructions(counts: dict[str, float]) -> Iterator[str]:
    peers = {"asgi": "asgi starlette session", "wsgi": "wsgi flask session"}
    for name in ("asgi verified", "asgi anonymous", "wsgi verified"):
        if name in counts:
            kind = name.split()[0]
            peer = peers[kind]
            ours, theirs = counts[name] - counts[kind], counts[peer] - counts[kind]
            figure = f"**{ours / theirs:.3f}** ({ours:,.0f} of {theirs:,.0f})"
            yield _row(f"instructions that {name} adds, over {peer}", "", figure, "")


def _scale(found: dict[str, Any]) -> Iterator[str]:
    if not found:
        return
    cores, load = found["cores"], (found["load before"], found["load after"])
    yield ""
    yield f"On PostgreSQL, {cores} cores, under a load of {load[0]:.0f} to {load[1]:.0f} by other work:"
    yield ""
    yield _row("accounts", "a challenge answered, p50", "p90", "p99", "statements")
    yield _row("---", "---", "---", "---", "---")
    for number, each in found["accounts"].items():
        times = [f"{each[name] * 1e3:.1f} ms" for name in ("p50", "p90", "p99")]
        yield _row(f"{int(number):,}", *times, f"{each['statements']:.0f}")
    yield ""
    yield _row("workers", "challenges answered a second", "spread")
    yield _row("---", "---", "---")
    for number, each in found["workers"].items():
        yield _row(number, f"**{each['median']:.0f}**", f"{each['low']:.0f} to {each['high']:.0f}")


def _plot(results: dict[str, Any]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "twofa_gate"  # the same figures make the same file
    from matplotlib import pyplot

    rows = [(name, each) for name, each in results.get("hot path", {}).items() if each["goal"] is not None]
    if rows:
        figure, axes = pyplot.subplots(figsize=(8, 3.2), layout="constrained")
        names, ratios = [name for name, _ in rows], [each["ratio"] for _, each in rows]
        axes.barh(names, ratios, color="#3b6ea5", label="measured")
        for at, (_, each) in enumerate(rows):
            axes.plot([each["goal"]] * 2, [at - 0.4, at + 0.4], color="#c0392b", label="" if at else "goal")
        axes.set_xlabel("what the gate adds, over what the peer adds")
        axes.invert_yaxis()
        axes.legend()
        figure.savefig(FOLDER / "overhead.svg", metadata={"Date": None})
    grown = results.get("growth", {})
    if grown:
        figure, all_axes = pyplot.subplots(
            1, len(grown), figsize=(11, 2.6), sharey=True, layout="constrained"
        )
        for axes, (what, each) in zip(all_axes, grown.items(), strict=True):
            numbers = [int(number) for number in each]
            axes.plot(numbers, [seconds * 1e6 for seconds in each.values()], marker="o", color="#3b6ea5")
            axes.set_xscale("log")
            axes.set_ylim(0, 10)
            axes.set_xlabel(what)
        all_axes[0].set_ylabel("µs a request")
        figure.savefig(FOLDER / "growth.svg", metadata={"Date": None})
    scale = FOLDER / "scale.json"
    if scale.exists():
        _plot_scale(pyplot, json.loads(scale.read_text()))
    pyplot.close("all")


def _plot_scale(pyplot: Any, found: dict[str, Any]) -> None:
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3), layout="constrained")
    numbers = [int(each) for each in found["accounts"]]
    for name in ("p50", "p90", "p99"):
        left.plot(numbers, [each[name] * 1e3 for each in found["accounts"].values()], marker="o", label=name)
    left.set_xscale("log")
    left.set_ylim(bottom=0)
    left.set_xlabel("accounts")
    left.set_ylabel("ms for a challenge answered")
    left.legend()
    workers = found["workers"].values()
    medians = [each["median"] for each in workers]
    spread = [
        [each["median"] - each["low"] for each in workers],
        [each["high"] - each["median"] for each in workers],
    ]
    right.errorbar([int(each) for each in found["workers"]], medians, yerr=spread, marker="o", capsize=3)
    right.set_ylim(bottom=0)
    right.set_xlabel(f"workers, on {found['cores']} cores")
    right.set_ylabel("challenges answered a second")
    figure.savefig(FOLDER / "scale.svg", metadata={"Date": None})

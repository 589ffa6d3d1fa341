"""What the endpoints take."""

from __future__ import annotations

from typing import Any

from twofa_gate.core.codes import MAX_TYPED
from twofa_gate.core.enrollment import MAX_NAME
from twofa_gate.pages.forms import MAX_NEXT

__all__ = ["EXAMPLES", "REQUESTS"]

_BLANKS = "[ \\t-]*"
_NEW_CODE = {
    "type": "string",
    "maxLength": MAX_TYPED,
    "pattern": f"^{_BLANKS}(?:[0-9]{_BLANKS}){{6}}$",
    "description": "The six digits that the new device shows.",
}
_CODE = {
    "type": "string",
    "maxLength": MAX_TYPED,
    "pattern": f"^{_BLANKS}(?:(?:[0-9]{_BLANKS}){{6}}|(?:[0-9]{_BLANKS}){{8}}|(?:[0-9A-TV-Za-tv-z]{_BLANKS}){{24}})$",
    "description": "What an authenticator app shows, or a recovery code. Blanks and hyphens don't matter. "
    "A string, since it may begin with zero.",
}
_NEXT = {
    "type": "string",
    "maxLength": MAX_NEXT,
    "description": "The signed parameter of the refusal's `url`: `continue` then leads back to where the person was, "
    "and the location of that refusal governs.",
}
_NAME = {"type": "string", "maxLength": MAX_NAME, "description": "What the person calls the device."}
_TEXT = {"type": "string", "maxLength": 64}


def _object(required: tuple[str, ...], **members: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**members, "next": _NEXT},
        "required": list(required),
        "additionalProperties": False,
    }


REQUESTS: dict[str, Any] = {
    "Challenge": _object(
        ("code",),
        code=_CODE,
        trust={
            "type": "boolean",
            "default": False,
            "description": "Don't ask again in this browser, where the location offers that.",
        },
    ),
    "FreshCode": _object(("code",), code=_CODE),
    "Enrollment": {
        "oneOf": [
            _object((), ticket={**_TEXT, "description": "From an administrator, where one is asked for."}),
            _object(("code",), code=_NEW_CODE, name=_NAME),
        ]
    },
    "AuthenticatorChange": {
        "oneOf": [
            _object(
                ("action", "name"),
                action={"const": "rename"},
                name={**_NAME, "minLength": 1, "pattern": "\\S"},
                code=_CODE,
            ),
            _object(("action",), action={"const": "remove"}, code=_CODE),
        ]
    },
    "BrowserChange": {
        "oneOf": [
            _object(("action", "id"), action={"const": "sign-out"}, id={**_TEXT, "minLength": 1}),
            _object(("action",), action={"const": "sign-out-others"}),
            _object(("action",), action={"const": "forget-trusted"}, id={**_TEXT, "minLength": 1}),
        ]
    },
}

_SIX = {"value": {"code": "042137"}}
_RECOVERY = {"value": {"code": "7XK2QP-0MD4RT-9C3HVW-E8Z5NA"}}

EXAMPLES: dict[str, dict[str, Any]] = {
    "Challenge": {
        "app": _SIX,
        "recovery": _RECOVERY,
        "trusting": {"value": {"code": "042137", "trust": True}},
    },
    "FreshCode": {"app": _SIX, "recovery": _RECOVERY},
    "Enrollment": {
        "begin": {"value": {}},
        "beginWithTicket": {"value": {"ticket": "K7QX-2M9D"}},
        "confirm": {"value": {"code": "042137", "name": "Phone"}},
    },
    "AuthenticatorChange": {
        "rename": {"value": {"action": "rename", "name": "Old phone"}},
        "remove": {"value": {"action": "remove", "code": "042137"}},
    },
    "BrowserChange": {
        "one": {"value": {"action": "sign-out", "id": "b1f09c52"}},
        "others": {"value": {"action": "sign-out-others"}},
        "trusted": {"value": {"action": "forget-trusted"}},
    },
}

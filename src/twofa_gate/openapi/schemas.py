"""The documents that the endpoints answer with."""

from __future__ import annotations

from typing import Any

from twofa_gate.core.recovery import CODES
from twofa_gate.model import Decision, Method

__all__ = ["ANSWER_EXAMPLES", "ANSWER_SCHEMAS"]

_TEXT = {"type": "string"}
_FLAG = {"type": "boolean"}
_TIME = {"type": "string", "format": "date-time"}
_TIME_OR_NONE = {"type": ["string", "null"], "format": "date-time"}
_METHOD = {"enum": [each.value for each in Method]}
_CONTINUE = {
    "type": "string",
    "description": "Where to go on: what `next` said, the application's root, or where the person has to go first.",
}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }


def _list_of(**members: Any) -> dict[str, Any]:
    return {"type": "array", "items": _object(members)}


def _codes(least: int) -> dict[str, Any]:
    pattern = "^[0-9A-HJKMNP-TV-Z]{6}(-[0-9A-HJKMNP-TV-Z]{6}){3}$"
    return {
        "type": "array",
        "minItems": least,
        "maxItems": CODES,
        "items": {"type": "string", "pattern": pattern},
        "description": "To be kept by the person. No other answer ever holds them.",
    }


ANSWER_SCHEMAS: dict[str, Any] = {
    "Status": _object(
        {
            "user": {"type": "string", "description": "The user's label: an e-mail address, usually."},
            "decision": {
                "enum": [each.value for each in Decision],
                "description": "What the gate does with this user's requests at `location`.",
            },
            "location": {"type": "string", "description": "The key of the location that this is about."},
            "cutoff": {**_TIME_OR_NONE, "description": "From when the location requires it, for this user."},
            "enrolled": {"type": "boolean", "description": "Whether the user has set up."},
            "verified": {
                "type": "boolean",
                "description": "Whether this browser may see and manage the account.",
            },
            "csrf": {"type": "string", "description": "The token for `X-CSRF-Token`."},
            "url": {"type": "string", "description": "The user's account page."},
        },
        {
            "enabled_since": _TIME_OR_NONE,
            "authenticators": _list_of(id=_TEXT, name=_TEXT, added=_TIME, last_used=_TIME_OR_NONE),
            "recovery_left": {"type": "integer", "minimum": 0, "maximum": CODES},
            "browsers": _list_of(id=_TEXT, at=_TIME, method=_METHOD, current=_FLAG),
            "trusted": _list_of(id=_TEXT, at=_TIME, current=_FLAG),
        },
    )
    | {
        "description": "Those from `enabled_since` on are told only to who is verified or has not set up.",
        "dependentRequired": {
            "enabled_since": ["authenticators", "recovery_left", "browsers", "trusted"],
        },
    },
    "Verified": _object({"verified": {"const": True}, "method": _METHOD, "continue": _CONTINUE}),
    "EnrollmentAnswer": {
        "oneOf": [
            _object(
                {
                    "secret": {
                        "type": "string",
                        "pattern": "^[A-Z2-7]{32}$",
                        "description": "To be typed in.",
                    },
                    "otpauth_uri": {"type": "string", "pattern": "^otpauth://totp/"},
                    "qr_svg": {"type": "string", "description": "The URI as a QR code: an SVG element."},
                }
            ),
            _object({"enrolled": {"const": True}, "recovery_codes": _codes(0), "continue": _CONTINUE}),
        ]
    },
    "RecoveryCodes": _object({"recovery_codes": _codes(CODES)}),
    "Disabled": _object({"enrolled": {"const": False}}),
    "Done": _object({"done": {"const": True}}),
}

_STANDING = {
    "user": "ada@example.com",
    "decision": "challenge",
    "location": "billing",
    "cutoff": "2027-01-04T08:00:00+00:00",
    "enrolled": True,
    "verified": False,
    "csrf": "WyJhcGkiLCJ1c2VyIl0.aQ4Zyg.signature",
    "url": "/2fa/",
}
_ACCOUNT = {
    "enabled_since": "2026-11-02T09:14:05+00:00",
    "authenticators": [
        {
            "id": "3f9a6b21",
            "name": "Phone",
            "added": "2026-11-02T09:14:05+00:00",
            "last_used": "2026-11-24T07:58:31+00:00",
        }
    ],
    "recovery_left": 10,
    "browsers": [
        {"id": "b1f09c52", "at": "2026-11-24T07:58:31+00:00", "method": "totp", "current": True},
    ],
    "trusted": [],
}
_RECOVERY = ["7XK2QP-0MD4RT-9C3HVW-E8Z5NA", "M0Q8ZD-4VYK1C-R7T2PX-6HJ9WB"]
_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - an example

ANSWER_EXAMPLES: dict[str, dict[str, Any]] = {
    "Status": {
        "unverified": {"value": _STANDING},
        "verified": {"value": {**_STANDING, "decision": "pass", "verified": True, **_ACCOUNT}},
    },
    "Verified": {"app": {"value": {"verified": True, "method": "totp", "continue": "/invoices"}}},
    "EnrollmentAnswer": {
        "begun": {
            "value": {
                "secret": _SECRET,
                "otpauth_uri": f"otpauth://totp/Acme:ada%40example.com?secret={_SECRET}&issuer=Acme",
                "qr_svg": "<svg>...</svg>",
            }
        },
        "confirmed": {"value": {"enrolled": True, "recovery_codes": _RECOVERY, "continue": "/"}},
    },
    "RecoveryCodes": {"new": {"value": {"recovery_codes": [*_RECOVERY] * 5}}},
    "Disabled": {"disabled": {"value": {"enrolled": False}}},
    "Done": {"done": {"value": {"done": True}}},
}

"""What the generated pages of the reference say beside what the code itself says.

Each name here has to exist in the code, and each of the code's has to be here: `docs_reference.py` refuses to
write a page otherwise.
"""

from __future__ import annotations

__all__ = ["EVENTS", "LOCATION_PAGES", "PAGES", "SETTINGS"]

SETTINGS = {
    "secret_keys": "List of strings, newest first, each at least 32 bytes. Every purpose derives its own key from "
    "them (HKDF). The newest seals and signs; any of them opens and verifies.",
    "issuer": "The name that the authenticator app and the pages show. No colon.",
    "plugins": "The objects whose methods are marked with `hookimpl`: the host's, the store, and others.",
    "policy": "The policy of locations about which no plugin has an opinion. With neither this nor a `policy` hook "
    "the gate refuses to start.",
    "realm": "The name of this installation: 1 to 32 lower-case letters, digits, hyphens or underscores. It is part "
    "of store keys, key derivation, associated data and cookie names, so that several applications can share a "
    "database, a key or a host name.",
    "initialize": "Whether an empty store may be taken into use. Without it, a store that lacks this realm's "
    "installation record is an error at start and 503 in service. `MemoryStore` needs none.",
    "mount": "Where the gate's own pages live.",
    "public": "Paths that are served without asking: the request is forwarded with its cookies and `Authorization` "
    "removed, and the answer's `Set-Cookie` is dropped. A path that ends in `/` covers the tree below it, any other "
    "is exact; both are relative to the application. A path that readers could read in different ways (dot "
    "segments, `//`, `\\`, `;`, controls, encoded separators) matches nothing. `/` refuses to start.",
    "login_paths": "Like `public`, but credentials are kept, for the login form and its API. What the answer shows "
    "is looked at all the same; JSON may pass.",
    "logout_paths": "Never gated. The answer to a POST that leaves the user logged in is replaced by the challenge.",
    "login_url": "Link on the pages, and where anonymous visitors of the gate's pages are sent; without it they get "
    "403.",
    "logout_url": "Link “Sign out” on the pages, where `session_cookies` is empty.",
    "support": "Text or link on the challenge and other pages: whom to ask.",
    "session_cookies": "The host's session cookies, as names or tuples of name, path and domain, so that the button "
    "“Sign out” on the pages can expire them.",
    "origins": 'Further origins, such as `"https://app.example.com"`, that forms and WebSockets may come from: for '
    "hosts behind a proxy that rewrites `Host`.",
    "cookie_secure": "`False` only for development over plain http; it warns. With `True` the names carry `__Host-`.",
    "cookie_name": "The base of the gate's cookie names.",
    "cookie_samesite": '`"Lax"`, `"Strict"` or `"None"`: `"Strict"` where the host\'s session cookie is Strict, '
    '`"None"` for framed hosts.',
    "revocation_lag": "How long a process may reuse a PASS that it gave to a verified request; zero reads the store "
    "each time. Anything but a PASS is decided on a fresh read, and what the process itself changes counts at once.",
    "void_before": "Aware datetime: every verification and trusted browser that is older is void.",
    "report_only_until": "Aware datetime: until then the gate decides and records and refuses nothing.",
    "reminder": 'How REMIND shows: `"banner"` in the host\'s HTML pages, or `"context"` only, for the host\'s own '
    "templates.",
    "hook_timeout": "Under ASGI, how long a hook may take before the request is UNAVAILABLE. Under WSGI the "
    "server's own time limit holds.",
    "templates": "A folder whose files override the built-in [templates](templates.md).",
    "brand_name": "The name that the pages show at their top and in their titles; without it, `issuer`.",
    "brand_logo": "An SVG or PNG file of at most 128 KiB, shown beside the name. It is read at start and served by the "
    "gate itself; an address on another host is refused.",
    "brand_color": 'The color of buttons, links and marks, like `"#0a7d5c"`. Where it wouldn\'t stand out, it is made '
    "darker or lighter, and the text on it is white or black: see [how the pages are made to look like "
    "yours](../how-to/make-the-pages-yours.md).",
}

EVENTS = {
    "ENABLED": "The first authenticator was confirmed. Facts: `authenticator` (its name).",
    "DISABLED": "The user disabled two-factor authentication.",
    "AUTHENTICATOR_ADDED": "A further authenticator was confirmed. Facts: `authenticator`.",
    "AUTHENTICATOR_RENAMED": "Facts: `before`, `after`.",
    "AUTHENTICATOR_REMOVED": "Facts: `authenticator`.",
    "ENROLLMENT_STARTED": "A secret was shown to its owner and waits for its first code.",
    "VERIFIED": "A challenge was passed. Facts: `method`.",
    "CODE_REFUSED": "A wrong code was counted. Facts: `method`, `known_browser`, `failures` (how many count in the "
    "last 30 days, with this one), and `clock_steps` where the code "
    "is right that many time steps off: a phone or a server with a wrong clock.",
    "LOCKED": "The budget of attempts is used up. Facts: `known_browser`.",
    "UNLOCKED": 'A fresh budget was given. Facts: `by` (`"self"`: by three codes in a row).',
    "RECOVERY_CODE_USED": "Facts: `left`, the number of codes that are left.",
    "RECOVERY_CODES_RENEWED": "New recovery codes were made; the old ones are void.",
    "BROWSER_TRUSTED": "A browser will not be asked again for a while.",
    "BROWSER_SIGNED_OUT": "The user ended verifications or forgot trusted browsers. Facts: `what` "
    '(`"one"`, `"others"`, `"trusted"`, `"own"`).',
    "VERIFICATION_ENDED": "An answer of the application changed who the browser is, so its verification ended. "
    "Facts: `why`.",
    "REVOKED": "`gate.revoke`: every verification and trusted browser ended.",
    "RESET": "`gate.reset`: the second factor was taken away. Facts: `by`, `reason`, `extension_seconds`.",
    "EXTENDED": "A user was given more time at one location. Facts: `by`, `reason`, `location`, `until`.",
    "TICKET_ISSUED": "A ticket for setting up was issued. Facts: `by`, `location`, `until`.",
    "FORGOTTEN": "`gate.forget`: all that was stored about a user was deleted.",
    "RESEALED": "The secrets of an account were sealed anew with the newest key.",
    "REFUSED": "A request was refused. Facts: `decision`, `location`, `policy` (the plugin whose policy it was); or "
    "`why` and `path` for a WebSocket from a foreign origin.",
    "WITHHELD": "An answer of the application was withheld, because it would have shown a user whom the gate "
    "didn't pass. Facts: `decision`, `location`.",
    "WOULD_REFUSE": "Until `report_only_until`: what would have been refused. Facts: `decision`, `location`.",
    "STREAM_CLOSED": "An open WebSocket or event stream was closed. Facts: `why`, `path`.",
    "UNAVAILABLE": "Something that the decision needs has failed. Facts: `error`, `moment`.",
    "ALARM": "Something that must not be: a verification cookie of a user without an account, so that the store has "
    "lost it or is the wrong one; or an outbox that could not be cleared. Facts: `what`.",
    "SETTINGS_CHANGED": "The settings of a location were changed. Facts: `location`, `by`, `before`, `after`.",
    "REMINDER_DUE": "A user has few days left before a cut-off. Facts: `location`, `cutoff`, `date`, `days_left`, "
    "`days_before`, `kept_out` (whether they will be kept out).",
    "INITIALIZED": "An empty store was taken into use. Facts: `realm`.",
}

PAGES = {
    "/": "The user's account at a glance: state, devices, recovery codes left, verified and trusted browsers.",
    "/challenge": "Asks for a code. Fields: `code` (TOTP code or recovery code), `trust` (`1`, where a location "
    "offers it), `form` (a refused form, sealed, that is to be sent on afterwards).",
    "/enroll": "Sets up two-factor authentication, or adds a backup device. A POST without `code` begins and shows "
    "the QR code and the key; a POST with `code`, and `name` if wanted, confirms. Adding a device to an account "
    "that has one needs a verification in the last five minutes.",
    "/recovery-codes": "Makes new recovery codes, for a `code`. They are shown once. The page that shows them posts "
    "`continue`, and `saved` if they have been, to go on.",
    "/disable": "Disables, for a `code`. Refused while one of the user's locations requires two-factor "
    "authentication.",
    "/browsers": "Ends verifications. Fields: `action` (`sign-out`, `sign-out-others`, `forget-trusted`), `id`.",
    "/banner": "Hides the banner that reminds of a cut-off, for this login.",
    "/unlock": "Unlocks a locked account by three codes in a row: `code1`, `code2`, `code3`. It is no verification.",
    "/sign-out": "Ends this browser's verification and expires the host's `session_cookies`.",
    "/authenticators/<id>": "Renames or removes a device. Fields: `action` (`rename`, `remove`), `name`, and `code` "
    "unless the browser has verified in the last five minutes.",
    "/static/<file>": "The style sheets, the script and the logo. Needs no user. With the version that the pages ask "
    "for (`v`) the answer may be kept by caches; without it, it is `no-store`.",
    "/health": "200 if the store answers and has the installation record, 503 if not. Needs no user. A 200 may say "
    "that this server's clock should be checked: see [how that is noticed](../explanation/decisions/server-clock.md).",
}

LOCATION_PAGES = {
    "": "The location's settings, the adoption report of its members, and the change of the settings: what it would "
    "do is shown before it is saved.",
    "member": "One member (`id`): more time, a reset, a ticket.",
    "members.csv": "The adoption report as CSV.",
    "members.json": "The adoption report as JSON.",
    "tickets": "Hands out tickets for setting up.",
}

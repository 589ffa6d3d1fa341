"""Pieces of which texts for the parsers are made: those that mean something to a parser."""

from __future__ import annotations

__all__ = ["ALPHABETS", "SEEDS", "SPLIT"]

SPLIT = "\x1e"
"""Parts a text where a check needs several."""
_COOKIES = [
    "sid=", " sid=","sid", "a", "=", "=", ";", "; ", ",", '"', "\\", " ", "\t", "\x0b", "\xa0", "\x85", "$", "x",
    "\0", "[]", "\xff", "%3b", SPLIT]  # fmt: skip
_URLS = ["/", "//", "\\", ":", "@", "?", "#", ".", "..", "%2e", "%2f", "%5c", "\t", "\n", "\r", "\0", " ",
    "app.test", "evil.test",
         "https:", "http:", "javascript:", "[", "]", "::1", "\u3002", "\uff0f", "\uff20", "\u212a", "logout",
         "bye", "2fa", "challenge",
         "log%6Fut", ";", "x", "%", "%00", "%0d%0a", "\u00e4", "sign-out", ":443", ":80", "other.test",
         "\u00ad", "mounted"]  # fmt: skip
ALPHABETS: dict[str, list[str]] = {
    "cookies": _COOKIES,
    "merging": _COOKIES,
    "set-cookie": [*_COOKIES, "Max-Age", "Expires", "Domain", "Path", "-1", "0", "9" * 4400,
    "Thu, 01 Jan 1970", "GMT"],
    "own cookies": [".", "x", "-", "_", "A" * 22, "=", "\xff", '"', ";", "A" * 5000],
    "form": ["code", "=", "&", ";", "%", "%00", "%ff", "%C3", "+", "1", "\xff", "\ud800", "123456", "csrf",
    "a" * 999],
    "json": ['{"code":', '"', "{", "}", "[", "]", ":", ",", "1", "1e999", "9" * 5000, "NaN", "-Infinity",
    "\\ud800", "\\u0000", "null",
             "true", "code", "[" * 3000, '"123456"', " ", "\ufeff", "\ud800"],
    "code": ["1", "2", "123", "456", " ", "-", "\t", "_", "+", "\uff11", "\u0661", "A", "o", "l", "ABCDEF",
    "\0", "\n", "\u2010"],
    "return address": _URLS,
    "origin": _URLS,
    "addresses": [*_URLS, SPLIT, SPLIT],
    "signed": [".", "x", "-", "_", "A" * 22, "=", "\xff", "{", '"', "\0", "A" * 5000],
    "language": ["de", "en", "pt", "-", "BR", ",", ";", "q=", "0.5", "nan", "inf", "*", " ", "=", "\xff",
    "ja", "x" * 300, "_", "\0", "1e9"],
    "basic": ["dTE6cGFzc3dvcmQ=", " ", "\t", ",", "=", "u1", ":", "\xe9", "!", "\n", "\x0b", "\xa0", "Basic",
    "password", "A", "\0", "\ud800"],
    "query": ["a", "=", "&", ";", "%", "%ff", "\xff", "+", "[]", "&" * 300],
}  # fmt: skip
"""For each check, pieces of which texts are made that mean something to it."""
SEEDS: dict[str, list[str]] = {
    "cookies": ["sid=u1; a=b", 'sid=u1; sid="u2"', 'a= sid="u1"'],
    "set-cookie": ["sid=x; Max-Age=" + "9" * 5000, "sid=x; Max-Age=-1; Path=/; Domain=.app.test"],
    "form": ["code=123456&csrf=x&next=y"],
    "json": ['{"code": "123456", "trust": true}'],
    "code": ["123 456", "ABCDEF-GHJKMN-PQRSTV-WXYZ01"],
    "return address": ["/app/x?y#z", "mounted/bye/"],
    "origin": ["https://app.test/x"],
    "language": ["de-AT;q=0.5, ja"],
    "basic": ["u1"],
}

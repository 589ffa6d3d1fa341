"""Finding a page's body tag, byte by byte."""

from __future__ import annotations

from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twofa_gate.core.banner import Insertion
from twofa_gate.core.html_scan import LIMIT, BodyScanner


def find(page: bytes, cuts: list[int] | None = None) -> int | None:
    """Return where the scanner finds the end of the body tag, whichever way the page is cut."""
    scanner = BodyScanner()
    edges = sorted({0, len(page), *(cut for cut in cuts or () if cut < len(page))})
    for start, end in pairwise(edges):
        found = scanner.feed(page[start:end])
        if found is not None:
            return start + found
    return None


@pytest.mark.parametrize(
    "page",
    [
        b"<!doctype html><html><head></head><body>|",
        b"<BODY CLASS=home>|",
        b"<body\n\tid='a'\f>|<body>",
        b"<body title='a > b' data-x=\"it's > that\">|",
        b"<body title=a>|b>",
        b'<body =">|">',  # an attribute named ="
        b"<body a= >|",
        b"<body/>|",
        b"<body a/b='>'>|",
        b"<!-- <body> --><body>|",
        b"<!--><body>|-->",
        b"<!---><body>|-->",
        b"<!-- --!><body>|",
        b"<!--!><body>--><body a>|",
        b"<!-- a -- > <body> --><body>|",
        b"<? <body><body>|",
        b"</ <body><body>|",
        b"</><body>|",
        b"<!x <body><body>|",
        b"<bodyguard><body>|",
        b"</body><body>|",
        b"a < b <body>|",
        b"<<body>|",
        b"<p title='<body>'><body>|",
        b"<title><body></title><body>|",
        b"<TITLE></titles><body></TITLE ><body>|",
        b"<style>/*<body>*/</style><body>|",
        b"<noscript><body></noscript><body>|",
        b"<textarea></textarea><body>|",
        b"<script>let a = '<body>'</script><body>|",
        b"<script src='a>b'>'<body>'</script x='>'><body>|",
        b"<script/><body></script><body>|",
        b"<script><!-- <body> </script><body>|",
        b"<script><!-- <script> '<body>' </script> '<body>' --></script><body>|",
        b"<script><!--><script></script><body>|",
        b"<script><!-- <scripts> </script><body>|",
        b"<script><!-- <script></script></script><body>|",
        b"<script></scripted><body></script><body>|",
        b"<base href='/app/'><body>|",
        b"<base target=_top><body>|",
        b"\xef\xbb\xbf<body>|",
        b"\xe4<body>|",
    ],
)
def test_the_body_tag(page: bytes) -> None:
    """The tag is found where a browser has it, past comments, scripts and quoted text, however it is cut."""
    wanted = page.index(b"|")
    for size in (1, 2, 3, 5, len(page)):
        assert find(page, list(range(0, len(page), size))) == wanted


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"<",
        b"<!--",
        b"<h1>Home</h1>",
        b"<body",
        b"<body title='>",
        b"<script><body>",
        b"<title><body>",
        b"<template><body></template><body>",
        b"<svg><style><body></style></svg><body>",
        b"<frameset><body>",
        b"<plaintext><body>",
        b"<base href='https://cdn.test/'><body>",
        b"<base href=//cdn.test><body>",
        b"<base href='//cdn.test'><body>",
        b'<base href="&#47;/cdn.test"><body>',
        b"<base href='/\\cdn.test'><body>",
        b"<base href='/' href='//cdn.test'><body>",
        b"<base HREF = \t//cdn.test><body>",
        b"<" + b"x" * 65 + b"><body>",
        b"\xff\xfe<body>",
        b"\xfe\xff<body>",
        b"\x1b$B<body>",
        b"<!--" + b"-" * LIMIT + b"><body>",
        b" " * (LIMIT - 5) + b"<body>",
    ],
)
def test_no_body_tag(page: bytes) -> None:
    """Without a tag in the first 64 kB that surely is one, whose links stay here, nothing is found."""
    for size in (1 if len(page) < 999 else 4096, 3 if len(page) < 999 else 1000, max(1, len(page))):
        assert find(page, list(range(0, len(page), size))) is None


def test_the_last_place() -> None:
    """A tag that ends at the limit is found."""
    page = b" " * (LIMIT - 6) + b"<body>"
    assert find(page) == find(page, list(range(0, LIMIT, 7))) == LIMIT


PIECES = [
    b"<", b">", b"/", b"!", b"-", b"--", b"<!--", b"-->", b"--!>", b"=", b"'", b'"', b" ", b"\n", b"?", b"a",
    b"<body", b"<BODY ", b"<body>", b"</body>", b"<script", b"<script>", b"</script", b"</script>", b"<title>",
    b"</title>", b"<style>", b"</style >", b"<p", b"<base href=", b"<base href='/'>", b"\xff", b"\xfe", b"\x1b",
    b"<template>", b"</", b"<!", b"<head>", b"\xc3\xa9", b"<noscript>", b"</noscript>",
]  # fmt: skip
PAGES = st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join)


@given(PAGES, st.lists(st.integers(0, 200), max_size=12))
def test_cutting_changes_nothing(page: bytes, cuts: list[int]) -> None:
    """However a page is cut into chunks, the same bytes go out, with and without a Content-Length."""
    for length in ([], [("Content-Length", str(len(page)))]):
        start = (200, [("Content-Type", "text/html"), *length])
        outcomes = set()
        for edges in ([], cuts, range(len(page))):
            insertion = Insertion(start, b"[banner]", ())
            inner = sorted({0, len(page), *(edge for edge in edges if edge < len(page))})
            begun = [insertion.open()]
            out = b""
            for low, high in pairwise(inner):
                began, data = insertion.feed(page[low:high], last=False)
                begun.append(began)
                out += data
            began, data = insertion.feed(b"", last=True)
            starts = [each for each in (*begun, began) if each is not None]
            assert len(starts) == 1
            outcomes.add((out + data, tuple(starts[0][1])))
        assert len(outcomes) == 1
        body, headers = outcomes.pop()
        assert body.replace(b"[banner]", b"", 1) == page
        if length:
            assert dict(headers)["Content-Length"] == str(len(body))


class _Tags(HTMLParser):
    """The standard library's reader, for pages without the things in which it is known to differ."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.bodies: list[tuple[int, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note each body tag and where it ends."""
        if tag == "body":
            line, column = self.getpos()
            self.bodies.append((line, column + len(self.get_starttag_text() or "")))


TAME = st.lists(
    st.sampled_from(
        [
            "<!-- a <body> -->",
            "<!doctype html>",
            "<script>if (a < b) '<body>'</script>",
            "<style>a > b { }</style>",
            "<meta name=a content='<body>'>",
            '<link title="a > b">',
            "<p>",
            "</p>",
            "text",
            "a < b",
            "<body>",
            "<body class='a > b'>",
            "<BODY a=b>",
        ]
    ),
    max_size=12,
).map("".join)


@given(TAME)
def test_it_agrees_with_another_reader(page: str) -> None:
    """On well-formed pages the first body tag is where the standard library's parser finds it."""
    reader = _Tags()
    reader.feed(page)
    reader.close()
    assert find(page.encode()) == (reader.bodies[0][1] if reader.bodies else None)

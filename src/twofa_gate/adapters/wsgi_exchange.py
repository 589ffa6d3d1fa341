"""One WSGI answer on its way out: feeds the second look, and hands the server what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from twofa_gate.adapters.performing import run
from twofa_gate.core.answer import Answer, Forward, Source
from twofa_gate.core.effects import Effect, Flow
from twofa_gate.core.quiet import is_quiet, is_remarkable, is_same_still
from twofa_gate.core.second_look import SecondLook
from twofa_gate.core.settings import Settings
from twofa_gate.core.watching import Watch, is_stream
from twofa_gate.lazily import cached_property

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

    from twofa_gate.adapters.wsgi_request import WSGIRequest

__all__ = ["Body", "Exchange", "parts_of", "status_line"]


def parts_of(answer: Answer, perform: Callable[[Effect[Any]], Any]) -> Iterable[bytes]:
    """Give the body of an answer of the gate's own, in as many parts as it is made in."""
    if answer.more is None:
        return [answer.body]
    return _streamed(answer.body, answer.more, perform)


def _streamed(
    body: bytes, more: Callable[[], Flow[bytes]], perform: Callable[[Effect[Any]], Any]
) -> Iterator[bytes]:
    while body:
        yield body
        body = run(more(), perform)


def status_line(status: int) -> str:
    """Give the status as PEP 3333 wants it, with its reason."""
    return f"{status} {HTTPStatus(status).phrase}"


class Exchange(Source):
    """One answer on its way out: feeds the second look, and hands the server what it gives back.

    What few answers need is made when one needs it.
    """

    _server_write: Callable[[bytes], object] | None = None
    _status = ""
    _exc_info: Any = None
    _gone = False
    _untouched = False
    _watch: Watch | None = None

    def __init__(
        self, settings: Settings, request: WSGIRequest, end: Forward, start_response: StartResponse
    ) -> None:
        self.settings = settings
        self.request = request
        self.demanded = None
        self._end = end
        self._server_start = start_response

    @cached_property
    def _look(self) -> SecondLook:
        return SecondLook(self.settings, self.request, self._end)

    @cached_property
    def pending(self) -> list[bytes]:
        """Parts that are to go out before anything else."""
        return []

    def lets_go(self) -> bool:
        """Whether the application's own iterable can go to the server as it is."""
        self._gone = self._untouched or (self._look.passing and self._watch is None)
        return self._gone

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        """Be the `start_response` that the application calls; of most answers nothing has to be looked at."""
        self._untouched = exc_info is None and self._is_spared(headers)
        if self._untouched:
            self._server_write = self._server_start(status, headers)
            return self.write
        self.pending.clear()
        self._status, self._exc_info = status, exc_info
        self._look.demanded = self.demanded
        outgoing = run(self._look.begin(int(status[:3]), headers))
        if self._gone and not self._look.passing:
            # It began anew with an answer that must stay in, but the server already has its iterable.
            raise exc_info[1] if exc_info else AssertionError("start_response was called again.")
        if outgoing.start is not None:
            # What was served as to nobody stays open to everybody.
            watched = is_stream(headers) and self._look.passing and not self._end.strip
            self._watch = self._new_watch() if watched else None
            code, sent = outgoing.start
            line = status if code == int(status[:3]) else status_line(code)
            self._start(line, sent)
        if outgoing.data:
            self.pending.append(outgoing.data)
        return self.write

    def _is_spared(self, headers: list[tuple[str, str]]) -> bool:
        """Whether the second look would let this start pass as it is, without asking anybody."""
        return (
            self.demanded is None
            and type(headers) is list
            and not is_remarkable(headers)
            and "_look" not in self.__dict__
            and (is_quiet(self.request, self._end) or is_same_still(self.settings, self.request, self._end))
        )

    def _new_watch(self) -> Watch:
        return Watch(self.settings, self.request, self._end.context.user)

    def _start(self, line: str, headers: list[tuple[str, str]]) -> None:
        given = (self._exc_info,) if self._exc_info else ()
        self._exc_info = None  # it holds frames, and with them ourselves
        self._server_write = self._server_start(line, headers, *given)

    def write(self, data: bytes) -> object:
        """Be the `write` callable of PEP 3333."""
        if self.passing and self._server_write is not None:
            return self._server_write(data) if self.may_continue() else None
        self.feed(data, last=False)
        while self.pending and self._server_write is not None:
            # What was written goes out before what is returned.
            self._server_write(self.pending.pop(0))
        return None

    def may_continue(self) -> bool:
        """Whether an event stream may go on."""
        return self._watch is None or run(self._watch.may_continue()) is True

    def feed(self, data: bytes, *, last: bool) -> None:
        """Give the second look a part of a body that isn't passing."""
        outgoing = self._look.body(data, last=last)
        if outgoing.start is not None:
            code, headers = outgoing.start
            line = self._status if code == int(self._status[:3]) else status_line(code)
            self._start(line, headers)
            self._watch = None
        if outgoing.data:
            self.pending.append(outgoing.data)

    def hands_over_file(self, body: object, wrapper: object) -> bool:
        """Whether the server sends a file by itself, so that a page in it goes out as it is."""
        if (
            self._untouched
            or not self._look.inserting
            or not isinstance(wrapper, type)
            or not isinstance(body, wrapper)
        ):
            return False
        start = self._look.leave_alone().start
        if start is not None:
            self._server_start(self._status, start[1])
        return True

    @property
    def passing(self) -> bool:
        """Whether chunks go out untouched."""
        return self._untouched or self._look.passing

    @property
    def over(self) -> bool:
        """Whether nothing more of the application's answer goes out."""
        return not self._untouched and self._look.swallowing


class Body:
    """The body of an answer that is looked at while it is made. Its `close` closes the application's."""

    def __init__(self, exchange: Exchange, body: Iterable[bytes]) -> None:
        self._exchange = exchange
        self._body = body
        self._chunks: Iterator[bytes] | None = iter(body)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        exchange = self._exchange
        while self._chunks is not None and not exchange.over and not exchange.pending:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._chunks = None
                if not exchange.passing:
                    exchange.feed(b"", last=True)
            elif exchange.passing:
                if exchange.may_continue():
                    return chunk
                self._chunks = None
            elif not exchange.over:
                exchange.feed(chunk, last=False)
        if exchange.pending:
            return exchange.pending.pop(0)
        raise StopIteration

    def close(self) -> None:
        """Close the application's iterable."""
        close = getattr(self._body, "close", None)
        if close is not None:
            close()

"""The gated Starlette example, each answer saying which process gave it."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from typing import Any

gated = import_module("examples.starlette_app.gated")  # written as users write it, without types
Message = MutableMapping[str, Any]


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer, with the number of this process."""

    async def numbered(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", []), (b"x-worker", str(os.getpid()).encode())]
            message = {**message, "headers": headers}
        await send(message)

    await gated.app(scope, receive, numbered)

"""uvicorn's fast reader of requests, with the bound on what is no body that it lacks.

    uvicorn.run(app, http=BoundedProtocol)

The parser collects headers, trailers and chunk sizes without end, before any handler is asked.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Bytes of one request that are no body; a browser's have some 1,000.
MOST = 64 * 1024


class BoundedProtocol(HttpToolsProtocol):
    _beside_body = 0

    def data_received(self, data: bytes) -> None:
        self._beside_body += len(data)
        super().data_received(data)
        if self._beside_body > MOST and not self.transport.is_closing():
            self.send_400_response("Request header too long.")

    def on_body(self, body: bytes) -> None:
        self._beside_body -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._beside_body = 0
        super().on_message_complete()

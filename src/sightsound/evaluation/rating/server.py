"""A study in, a web page that people rate it on out: a small HTTP server of the standard library.

The page talks JSON to four addresses (``/api/…``) and shows files of the study (``/media/<id>``).
Nothing else is served: every path that is sent is a key of a table, never a file name. No address,
header or cookie is kept, and nothing is logged. A rater's code travels in ``Authorization``, so no
other page can act in a rater's name.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any, cast

from sightsound.errors import ConfigError, DataError
from sightsound.evaluation.rating.study import Study, open_study
from sightsound.evaluation.rating.votes import FILE, RefusedError, Session, Votes

HOST, PORT = "127.0.0.1", 8010
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MAX_BODY = 4096  # bytes of a request
MAX_CONNECTIONS = 128
IDLE_SECONDS = 30.0
CODE = re.compile(r"[0-9a-f]{32}")  # drawn by the rater's browser
RANGE = re.compile(r"bytes=(\d*)-(\d*)")

PAGES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/rate.css": ("rate.css", "text/css; charset=utf-8"),
    "/rate.js": ("rate.js", "text/javascript; charset=utf-8"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class RatingServer(ThreadingHTTPServer):
    """Serves one study to several raters at once."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self,
        study: Study,
        votes: Votes,
        *,
        host: str = HOST,
        port: int = PORT,
        names: Sequence[str] = (),
    ) -> None:
        """Listen on ``host``:``port`` (0 = any free one).

        ``names``: under what other names the page is reached, as ``study.example.org``, where a
        proxy stands before it or ``host`` is not this machine alone.

        Raises:
            ConfigError: the host or port cannot be listened on.
        """
        self.study = study
        self.votes = votes
        self._room = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(
                f"rate serve: {host} port {port}: {reason}; name a free one with --port"
            ) from None
        self.port: int = self.server_address[1]
        own = [*LOOPBACK, f"[{host}]" if ":" in host else host]
        self.hosts = {f"{name}:{self.port}".lower() for name in (*own, *names)}
        self.hosts |= {name.lower() for name in names}
        if self.port == 80:
            self.hosts |= {name.lower() for name in own}
        folder = resources.files("sightsound.evaluation.rating") / "page"
        self.pages = {
            path: ((folder / name).read_bytes(), kind) for path, (name, kind) in PAGES.items()
        }
        shown = f"[{host}]" if ":" in host else host
        self.url = (
            f"http://{names[0] if names and host in ('0.0.0.0', '::') else shown}:{self.port}/"
        )

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread of its own, or close it where there are too many."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """As the parent does, and make room again."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no news, and its address is not to be printed."""


def serve(
    folder: Path | str,
    *,
    host: str = HOST,
    port: int = PORT,
    names: Sequence[str] = (),
    on_ready: Callable[[str], None] = lambda line: None,
) -> None:
    """Serve a study until Ctrl-C; ``on_ready`` is told where.

    Raises:
        ConfigError: a host that others reach without a name for it, or a port that is taken.
        DataError: no study, or votes that cannot be read or written.
    """
    if host not in ("127.0.0.1", "localhost", "::1") and not names:
        raise ConfigError(
            f"rate serve: --host {host} can be reached by others; say with --name under which name "
            "they reach it, e.g. --name study.example.org"
        )
    if not 0 <= port <= 65_535:
        raise ConfigError(f"rate serve: --port {port}: 0 to 65535 are allowed")
    study = open_study(folder)
    with Votes(study) as votes, RatingServer(study, votes, host=host, port=port, names=names) as it:
        on_ready(
            f"{study.definition.title}: {it.url}\n"
            f"Votes are kept in {study.folder / FILE}; Ctrl-C stops serving, and it can be served "
            "again at any time."
        )
        it.serve_forever()


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "sightsound"
    sys_version = ""
    timeout = IDLE_SECONDS

    @property
    def _rating(self) -> RatingServer:
        return cast(RatingServer, self.server)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a log would keep addresses."""

    def do_GET(self) -> None:
        """Pages, media, and where a rater stands."""
        if not self._is_ours():
            return
        path = self.path.partition("?")[0]
        if path in self._rating.pages:
            content, kind = self._rating.pages[path]
            self._send(HTTPStatus.OK, content, kind)
        elif path.startswith("/media/"):
            self._send_media(path.removeprefix("/media/"))
        elif path == "/api/study":
            self._send_json(HTTPStatus.OK, about(self._rating.study))
        elif path == "/api/session":
            self._answer(lambda code, _: self._rating.votes.session(code), {})
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """What raters do."""
        body = self._body() if self._is_ours() else None
        if body is None:
            return
        votes, study = self._rating.votes, self._rating.study

        def join(code: str, body: dict[str, Any]) -> Session:
            if body.get("consent_sha256") != study.consent_sha256:
                raise RefusedError("the text has changed since you read it; load the page again")
            return votes.join(code)

        def check(code: str, body: dict[str, Any]) -> Session:
            return votes.answer_sound_check(code, _whole(body, "number"), _whole(body, "beeps"))

        def vote(code: str, body: dict[str, Any]) -> Session:
            spent = None if body.get("milliseconds") is None else _whole(body, "milliseconds")
            return votes.vote(code, _whole(body, "position"), _whole(body, "answer"), spent)

        match self.path:
            case "/api/join":
                self._answer(join, body)
            case "/api/sound-check":
                self._answer(check, body)
            case "/api/vote":
                self._answer(vote, body)
            case "/api/withdraw":
                self._withdraw()
            case _:
                self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")

    # --- Requests ---------------------------------------------------------------------------

    def _is_ours(self) -> bool:
        """Whether the request was meant for this server and comes from its own page.

        A foreign name that resolves to this machine (DNS rebinding) is refused by ``Host``, a
        request of another page by ``Origin``.
        """
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].strip().lower() not in self._rating.hosts:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "not a name of this server")
            return False
        origin = self.headers.get("Origin")
        if origin is not None:
            scheme, _, host = origin.strip().lower().partition("://")
            if scheme not in ("http", "https") or not self._is_known(scheme, host):
                self._refuse(HTTPStatus.FORBIDDEN, "other pages may not ask here")
                return False
        return True

    def _is_known(self, scheme: str, host: str) -> bool:
        usual = {"http": ":80", "https": ":443"}[scheme]
        return host in self._rating.hosts or host.removesuffix(usual) in self._rating.hosts

    def _body(self) -> dict[str, Any] | None:
        """The JSON object that was sent; None: there was none, and the refusal is sent."""
        kind = (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        length = self.headers.get("Content-Length") or ""
        if self.headers.get("Transfer-Encoding") or not (length.isascii() and length.isdigit()):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "the length of what is sent must be told")
            return None
        if len(length) > 9 or int(length) > MAX_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY} bytes")
            return None
        content = self.rfile.read(int(length))
        if kind != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "JSON is expected")
            return None
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            self._refuse(HTTPStatus.BAD_REQUEST, "a JSON object is expected")
            return None
        return body

    def _code(self) -> str | None:
        scheme, _, code = (self.headers.get("Authorization") or "").partition(" ")
        return code if scheme.lower() == "bearer" and CODE.fullmatch(code) else None

    def _answer(self, act: Callable[[str, dict[str, Any]], Session], body: dict[str, Any]) -> None:
        """Do what was asked in a rater's name and send where the rater then stands."""
        code = self._code()
        if code is None:
            self._refuse(HTTPStatus.UNAUTHORIZED, "a rater's code is needed")
            return
        try:
            session = act(code, body)
        except RefusedError as error:
            self._refuse(HTTPStatus.CONFLICT, str(error))
        except DataError:
            # The path and the cause are not for raters; the page sends the answer again.
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "this could not be stored just now")
        else:
            self._send_json(HTTPStatus.OK, session_tree(self._rating.study, session))

    def _withdraw(self) -> None:
        code = self._code()
        if code is None:
            self._refuse(HTTPStatus.UNAUTHORIZED, "a rater's code is needed")
            return
        try:
            found = self._rating.votes.withdraw(code)
        except DataError:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "this could not be done just now")
        else:
            self._send_json(HTTPStatus.OK, {"withdrawn": found})

    # --- Responses --------------------------------------------------------------------------

    def _send_media(self, id: str) -> None:
        study = self._rating.study
        if id not in study.media:
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here")
            return
        try:
            content = study.path_of(id).read_bytes()
        except OSError:
            self._refuse(HTTPStatus.NOT_FOUND, "this file has gone")
            return
        kind = study.media[id].content_type
        span = _span(self.headers.get("Range"), len(content))
        extra = {"Accept-Ranges": "bytes", "Cache-Control": "private, max-age=86400"}
        if span is None:
            self._send(HTTPStatus.OK, content, kind, extra)
        elif span[0] >= span[1]:
            extra["Content-Range"] = f"bytes */{len(content)}"
            self._send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", kind, extra)
        else:
            first, end = span
            extra["Content-Range"] = f"bytes {first}-{end - 1}/{len(content)}"
            self._send(HTTPStatus.PARTIAL_CONTENT, content[first:end], kind, extra)

    def _send_json(self, status: HTTPStatus, tree: dict[str, Any]) -> None:
        self._send(status, json.dumps(tree).encode(), "application/json")

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        """Say why not, and close: what the request still brings is not read."""
        self.close_connection = True
        self._send(status, json.dumps({"error": reason}).encode(), "application/json")

    def _send(
        self, status: HTTPStatus, content: bytes, kind: str, extra: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        headers = {"Cache-Control": "no-store", **HEADERS, **(extra or {})}
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


# --- What the page is told ------------------------------------------------------------------


def about(study: Study) -> dict[str, Any]:
    """What everybody may know of a study: no condition, no class, no answer."""
    definition = study.definition
    return {
        "title": definition.title,
        "task": definition.task,
        "medium": definition.medium,
        "question": definition.question,
        "options": list(definition.options),
        "consent": definition.consent,
        "consent_sha256": study.consent_sha256,
        "sound": bool(definition.sound_checks),
        "study": study.sha256[:16],  # under which the browser keeps its code
    }


def session_tree(study: Study, session: Session) -> dict[str, Any]:
    """What a rater is told: the next question, blind."""
    tree: dict[str, Any] = {
        "rater": session.rater,
        "stage": session.stage,
        "done": session.done,
        "total": session.total,
    }
    if session.check is not None:
        tree["check"] = {"number": session.checks_done, "media": f"/media/{session.check.media}"}
    trial = session.trial
    if trial is None:
        return tree
    items = [study.definition.items[place] for place in trial.items]
    tree["trial"] = {
        "position": session.position,
        "media": [f"/media/{item.media}" for item in items],
        "label": None,
        "prompt": None,
        "please": None,
    }
    if trial.kind == "attention":
        tree["trial"]["please"] = trial.expected
    elif items[0].prompt is not None:
        prompt = study.media[items[0].prompt]
        tree["trial"]["prompt"] = {"medium": prompt.medium, "media": f"/media/{prompt.id}"}
    else:
        tree["trial"]["label"] = items[0].label
    return tree


def _whole(body: dict[str, Any], key: str) -> int:
    value = body.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not -1 <= value < 2**53:
        raise RefusedError(f"{key} must be a whole number")
    return value


def _span(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last of a ``Range``; None: all of it.

    Several ranges at once and other units are answered with the whole, as HTTP allows.
    """
    found = RANGE.fullmatch(header.strip()) if header else None
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    end = min(int(last) + 1, size) if last else size
    return int(first), max(end, 0)

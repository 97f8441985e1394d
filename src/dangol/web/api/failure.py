"""What went wrong, as the REST API says it: {code, message, path} and a fitting status.

The message is in the language that `Accept-Language` asks for, English without it.
"""

from typing import Any

import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from psycopg_pool import PoolTimeout

from dangol.errors import Conflict, DangolError, InputError, NotFound, Refused
from dangol.web import words
from dangol.web.query import QueryFailed

_STATUS: tuple[tuple[type[DangolError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (Refused, 409),
    (InputError, 400),
)
_CODES = {404: "not_found", 409: "conflict", 400: "invalid", 401: "unauthorized"}
_QUERY_STATUS = {
    "not_found": 404,
    "conflict": 409,
    "refused": 409,
    "timeout": 504,
    "unavailable": 503,
    "out_of_memory": 503,
    "internal": 500,
}
_log = structlog.get_logger("dangol.api")


def _body(status: int, code: str, message: str, path: str | None = None) -> Response[Any]:
    return Response({"code": code, "message": message, "path": path}, status_code=status)


def _say_known(request: Request, error: Exception) -> Response[Any]:
    assert isinstance(error, DangolError)
    locale = words.choose(request.headers.get("accept-language", ""))
    message = words.sentence(locale, error.sentence, error.values)
    if isinstance(error, QueryFailed):
        return _body(_QUERY_STATUS.get(error.code, 400), error.code, message, error.path)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    code = "refused" if isinstance(error, Refused) else _CODES.get(status, "internal")
    path = getattr(error, "path", None)
    return _body(status, str(getattr(error, "code", code)), message, path)


def _say_http(_: Request, error: Exception) -> Response[Any]:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, f"http_{error.status_code}")
    extra = error.extra if isinstance(error.extra, list) and error.extra else None
    message, path = error.detail, None
    if extra:
        message = str(extra[0].get("message", message))
        path = str(extra[0].get("key", "data")).replace("data", "$", 1)
    return _body(error.status_code, code, message, path)


def _say_away(request: Request, error: Exception) -> Response[Any]:
    _log.warning("the database is away", path=request.url.path, error=str(error).strip()[:200])
    answer = _body(503, "unavailable", "The database does not answer; send it again.")
    answer.headers["Retry-After"] = "5"
    return answer


def _say_unknown(request: Request, error: Exception) -> Response[Any]:
    _log.exception("request failed", path=request.url.path, exc_info=error)
    return _body(500, "internal", "Something went wrong on our side; the log says what.")


EXCEPTION_HANDLERS = {
    DangolError: _say_known,
    HTTPException: _say_http,
    psycopg.OperationalError: _say_away,
    PoolTimeout: _say_away,
    Exception: _say_unknown,
}

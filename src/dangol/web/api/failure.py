"""What went wrong, as the REST API says it: {code, message, path} and a fitting status.

The message is in the language that `Accept-Language` asks for, English without it.
"""

import psycopg
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from psycopg_pool import PoolTimeout

from dangol.errors import Conflict, DangolError, InputError, NotFound, Refused
from dangol.web import words
from dangol.web.api.access import Unauthorized
from dangol.web.api.describe import SCHEMA_PATH, Failure
from dangol.web.query import QueryFailed


class NoSuchAddress(NotFound):
    """There is no such address; {schema} lists all there are."""


class WrongMethod(DangolError):
    """This address does not take {method}; {schema} lists what it takes."""


class TooLarge(DangolError):
    """The body is too large; send it in parts."""


class TooDeep(InputError):
    """The body nests too deeply to be read."""


class Unreadable(InputError):
    """This cannot be read: {why}."""


class Unstorable(InputError):
    """A text, number or time in the request cannot be stored; nothing was changed."""


class DatabaseAway(DangolError):
    """The database does not answer; send it again."""


class Broken(DangolError):
    """Something went wrong on our side; the log says what."""


_STATUS: tuple[tuple[type[DangolError], int], ...] = (
    (Unauthorized, 401),
    (NotFound, 404),
    (Conflict, 409),
    (Refused, 409),
    (InputError, 400),
)
_CODES = {
    400: "invalid",
    401: "unauthorized",
    404: "not_found",
    405: "wrong_method",
    409: "conflict",
    413: "too_large",
}
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


def say_known(request: Request, error: Exception) -> Response[Failure]:
    """The answer for an error of ours."""
    assert isinstance(error, DangolError)
    path = getattr(error, "path", None)
    if isinstance(error, QueryFailed):
        status, code = _QUERY_STATUS.get(error.code, 400), error.code
    else:
        status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
        code = "refused" if isinstance(error, Refused) else _CODES.get(status, "internal")
        code = str(getattr(error, "code", code))
    answer = _answer(request, status, code, error, path)
    if status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def say_http(request: Request, error: Exception) -> Response[Failure]:
    """The answer for what the framework refuses before a handler is reached."""
    assert isinstance(error, HTTPException)
    status = error.status_code
    code, path = _CODES.get(status, f"http_{status}"), None
    extra = error.extra if isinstance(error.extra, list) and error.extra else None
    why = error.detail
    if extra:
        why = str(extra[0].get("message", why))
        path = str(extra[0].get("key", "data")).replace("data", "$", 1)
    answer = _answer(request, status, code, _named(request, status, why), path)
    answer.headers.update(error.headers or {})
    return answer


def _named(request: Request, status: int, why: str) -> DangolError:
    if status == 404:
        return NoSuchAddress(schema=f"{SCHEMA_PATH}/openapi.json")
    if status == 405:
        return WrongMethod(method=request.method, schema=f"{SCHEMA_PATH}/openapi.json")
    return TooLarge() if status == 413 else Unreadable(why=why.rstrip("."))


def _answer(
    request: Request, status: int, code: str, error: DangolError, path: str | None = None
) -> Response[Failure]:
    locale = words.choose(request.headers.get("accept-language", ""))
    message = words.sentence(locale, error.sentence, error.values)
    return Response(Failure(code=code, message=message, path=path), status_code=status)


def _say_away(request: Request, error: Exception) -> Response[Failure]:
    _log.warning("the database is away", path=request.url.path, error=str(error).strip()[:200])
    answer = _answer(request, 503, "unavailable", DatabaseAway())
    answer.headers["Retry-After"] = "5"
    return answer


def _say_unstorable(request: Request, error: Exception) -> Response[Failure]:
    """What only the database saw: NUL in an id, a time or a number out of all bounds."""
    _log.warning("not to be stored", path=request.url.path, error=str(error).strip()[:200])
    return _answer(request, 400, "invalid", Unstorable())


def _say_deep(request: Request, _: Exception) -> Response[Failure]:
    return _answer(request, 400, "invalid", TooDeep())


def _say_unknown(request: Request, error: Exception) -> Response[Failure]:
    _log.exception("request failed", path=request.url.path, exc_info=error)
    return _answer(request, 500, "internal", Broken())


EXCEPTION_HANDLERS = {
    DangolError: say_known,
    HTTPException: say_http,
    psycopg.OperationalError: _say_away,
    psycopg.DataError: _say_unstorable,
    PoolTimeout: _say_away,
    RecursionError: _say_deep,
    Exception: _say_unknown,
}

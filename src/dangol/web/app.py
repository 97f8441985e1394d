"""The web application: one Litestar app made of the parts of other modules."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from importlib.resources import files
from typing import Any

from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.static_files import create_static_files_router

from dangol.settings import Settings, load_settings
from dangol.store.journal import Journal
from dangol.store.keyring import load_keyring
from dangol.store.pool import open_pool
from dangol.thrift import calm_collector
from dangol.web.api.describe import OPENAPI
from dangol.web.front import Front
from dangol.web.query import stop_started
from dangol.web.refusal import refuse
from dangol.web.routes import DESK
from dangol.web.serve import Route, handle
from dangol.web.vital import VITAL

_PARTS = ("dangol.web.track", "dangol.web.hits", "dangol.web.pages", "dangol.web.api")
"""Modules with `ROUTES`, and a `lifespan(app)` where they keep something open."""

_LARGEST_FORM = 8 * 1024 * 1024
"""Bytes of a form, pictures included."""
_LARGEST_UPLOAD = 256 * 1024 * 1024
"""Bytes of a file to import; larger ones are imported by the command line."""


def app() -> Litestar:
    """The application for granian, with settings from the environment."""
    made = create_app(load_settings())
    calm_collector()
    return made


def create_app(settings: Settings) -> Litestar:
    """The application; `settings.database_url` names a migrated database."""
    parts = [import_module(name) for name in _PARTS]
    handlers: list[Any] = [_handler(route) for route in DESK]
    for part in parts:
        handlers += part.ROUTES
    lifespans: list[Any] = [_resources(settings)]
    lifespans += [part.lifespan for part in parts if hasattr(part, "lifespan")]
    return Front(
        route_handlers=[*handlers, *VITAL, _static()],
        lifespan=lifespans,
        request_max_body_size=_LARGEST_FORM,
        exception_handlers={HTTPException: refuse},
        openapi_config=OPENAPI,
    )


def _resources(settings: Settings) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        settings.temp_dir.mkdir(parents=True, exist_ok=True)
        app.state.settings = settings
        app.state.upload_dir = settings.temp_dir
        app.state.keyring = load_keyring(settings.keyring_path)
        app.state.journal = Journal(settings.journal_dir)
        app.state.pool = open_pool(settings.database_url or "", name="web")
        try:
            yield
        finally:
            stop_started()
            app.state.pool.close()

    return lifespan


def _handler(route: Route) -> HTTPRouteHandler:
    async def answer(request: Request) -> Response:
        return await handle(route, request)

    return HTTPRouteHandler(
        route.path,
        http_method=route.method,
        name=f"desk {route.method} {route.path}",
        include_in_schema=False,
        status_code=200,
        request_max_body_size=_LARGEST_UPLOAD if route.path == "/imports" else _LARGEST_FORM,
    )(answer)


def _static() -> Any:
    return create_static_files_router(
        path="/static",
        directories=[str(files("dangol.web").joinpath("static"))],
        include_in_schema=False,
        cache_control=None,
    )

"""Is it alive, and how is it doing: /healthz for anyone, /metrics for this machine only."""

from litestar import Request, Response, get
from litestar.concurrency import sync_to_thread
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg import OperationalError
from psycopg_pool import ConnectionPool, PoolTimeout


@get("/healthz", include_in_schema=False)
async def healthz(request: Request) -> Response[str]:
    """200 when the database answers, else 503."""
    alive = await sync_to_thread(_answers, request.app.state.pool)
    return Response("ok" if alive else "no database", status_code=200 if alive else 503)


@get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response[bytes]:
    """Prometheus text; 404 for callers from elsewhere and for what a proxy passes on."""
    near = request.client is not None and request.client.host in ("127.0.0.1", "::1")
    if not near or "x-forwarded-for" in request.headers:
        return Response(b"", status_code=404)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _answers(pool: ConnectionPool) -> bool:
    try:
        with pool.connection(timeout=2) as conn:
            conn.execute("select 1")
        return True
    except (OperationalError, PoolTimeout):
        return False


VITAL = [healthz, metrics]

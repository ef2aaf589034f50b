"""Log-in, probes, Prometheus, and the parts of the protocol that this hub does not have."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hubtraining.hub import wire
from hubtraining.hub.refusals import NotOffered
from hubtraining.hub.server.endpoint import measured, refused, reply
from hubtraining.hub.server.services import Services

NOT_OFFERED = {
    wire.model("{model}") + "/export": "exports: use `yolo export` on the model's weights",
    "/get-export": "exports: use `yolo export` on the model's weights",
    "/v1/predict/{model}": "predictions: use `yolo predict` with the model's weights",
    wire.model("{model}") + "/train": "training in a cloud: apply a HubTrainingSession",
    "/model-reset": "resetting a model: create a new one",
    "/v1/users": "users: a hub is one account",
    "/v1/users/{id}": "users: a hub is one account",
    "/v1/teams": "teams: a hub is one account",
    "/v1/teams/{id}": "teams: a hub is one account",
    wire.PROJECTS + "/{id}/upload": "pictures of projects",
}
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


class Misc:
    """Endpoints that belong to no resource."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        """Where they are."""
        methods = ["GET", "POST", "PATCH", "DELETE"]
        return [
            Route(wire.AUTH, self.authenticate, methods=["POST"]),
            Route("/healthz", self.alive, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
            *(Route(path, self.not_offered, methods=methods) for path in NOT_OFFERED),
        ]

    async def authenticate(self, request: Request) -> Response:
        """Is this key or token good?"""
        return await measured(self._services, "auth", lambda: self._authenticate(request))

    async def _authenticate(self, request: Request) -> Response:
        caller = await self._services.gate.identify(request.headers)
        self._services.limits.count(caller.name)
        return reply({}, message="authenticated")

    async def not_offered(self, request: Request) -> Response:
        """A clear answer beats a missing page."""
        route: Route = request.scope["route"]
        return refused(NotOffered(f"this hub does not offer {NOT_OFFERED[route.path]}"))

    async def alive(self, request: Request) -> Response:
        """The loop turns."""
        return reply({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        """The database answers."""
        await self._services.database.read(lambda connection: connection.execute("SELECT 1").fetchone())
        return reply({"status": "ready"})

    async def metrics(self, request: Request) -> Response:
        """For Prometheus."""
        return Response(self._services.metrics.text(), media_type=EXPOSITION)

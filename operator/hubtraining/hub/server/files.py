"""Downloads by link: no header needed, resumable, and never a page instead of a file."""

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from hubtraining.hub import wire
from hubtraining.hub.server.endpoint import measured
from hubtraining.hub.server.services import Services


class Files:
    """The one endpoint of downloads."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        """Where it is."""
        return [Route(f"{wire.FILES}/{{sha256}}/{{permit}}/{{name}}", self.download, methods=["GET"])]

    async def download(self, request: Request) -> Response:
        """The file, whole or a range of it."""
        return await measured(self._services, "download", lambda: self._download(**request.path_params))

    async def _download(self, sha256: str, permit: str, name: str) -> Response:
        """Without a body when refused: some clients would save the body as the file."""
        services = self._services
        if not services.links.allows(sha256, permit, name, services.clock()):
            return Response(status_code=403)
        path = services.blobs.path(sha256)
        if not await services.threads(path.is_file):
            return Response(status_code=404)
        headers = {"etag": f'"{sha256}"', wire.HEADER_SHA256: sha256, "cache-control": "private, immutable"}
        return FileResponse(path, media_type="application/octet-stream", headers=headers)

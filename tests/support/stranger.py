"""A server that is no hub, or one that gives what no trainer can use. The standard library alone: any pod can run it.

``/page`` answers everything with a web page. Beneath ``/`` there are two models of a hub: one whose data set is no zip,
and one whose weights are a web page. Started by itself it serves port 8000.
"""

import json
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NO_ZIP = "DataSetThatIsNoZip00"
PAGE_WEIGHTS = "WeightsThatAreAPage0"
PAGE = b"<!doctype html><title>Sign in</title>"


class Stranger(ThreadingHTTPServer):
    """Counts what it is asked, by the first part of the path."""

    daemon_threads = True

    def __init__(self, address: str, port: int = 0) -> None:
        super().__init__((address, port), _Answers)
        self.asked: Counter[str] = Counter()


class _Answers(BaseHTTPRequestHandler):
    server: Stranger

    def do_GET(self) -> None:
        """A model, a file, or a page."""
        self.server.asked[self.path.split("/")[1]] += 1
        root = f"http://{self.headers['host']}"
        if self.path == "/files/signs.zip":
            self._answer(200, "application/zip", b"these are not the images that you want")
        elif self.path == f"/v1/models/{NO_ZIP}":
            self._model(cfg="yolov8n.yaml", data=f"{root}/files/signs.zip")
        elif self.path == f"/v1/models/{PAGE_WEIGHTS}":
            self._model(is_pretrained=True, weights=f"{root}/files/yolo11n.pt", train_args={"data": "signs.yaml"})
        elif self.path.startswith("/v1/"):
            self._json(404, {"success": False, "message": "there is no such thing"})
        else:
            self._answer(200, "text/html", PAGE)

    def do_POST(self) -> None:
        """The same."""
        self.do_GET()

    def _model(self, **fields: object) -> None:
        record = {"id": self.path.rpartition("/")[2], "status": "new", "train_args": {"epochs": 1}, **fields}
        self._json(200, {"success": True, "message": "", "data": record})

    def _json(self, status: int, body: object) -> None:
        self._answer(status, "application/json", json.dumps(body).encode())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests count."""


if __name__ == "__main__":
    Stranger("", 8000).serve_forever()

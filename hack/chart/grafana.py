"""The little of Grafana's dashboard model that our dashboard needs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]
COLUMNS = 24
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
"""Whatever the person at the screen chose: a fixed uid would fit one Grafana only."""

NO_DATA = "no data"


@dataclass(frozen=True)
class Query:
    """One PromQL expression and how its series are called."""

    expr: str
    legend: str


@dataclass(frozen=True)
class Panel:
    """One panel. ``unit`` is one of Grafana's (``s``, ``bytes``, ``percentunit``, ``short`` …)."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Literal["stat", "timeseries"] = "timeseries"
    width: int = 8
    height: int = 8
    maximum: float | None = None
    orange: float | None = None
    red: float | None = None

    def to_json(self, number: int, x: int, y: int) -> Json:
        """The panel as Grafana stores it, at its place."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": SOURCE,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            "options": STAT if self.kind == "stat" else SERIES,
            "targets": [self._target(query, chr(ord("A") + i)) for i, query in enumerate(self.queries)],
        }

    def _defaults(self) -> Json:
        bounds = {"min": 0} | ({} if self.maximum is None else {"max": self.maximum})
        custom = {} if self.kind == "stat" else {"custom": {"fillOpacity": 5, "showPoints": "auto", "spanNulls": False}}
        return {"unit": self.unit, "noValue": NO_DATA, **bounds, "thresholds": self._thresholds(), **custom}

    def _thresholds(self) -> Json:
        steps: list[Json] = [{"color": "green", "value": None}]
        steps += [{"color": "orange", "value": self.orange}] if self.orange is not None else []
        steps += [{"color": "red", "value": self.red}] if self.red is not None else []
        return {"mode": "absolute", "steps": steps}

    def _target(self, query: Query, name: str) -> Json:
        how = {"instant": True, "range": False} if self.kind == "stat" else {"instant": False, "range": True}
        return {"refId": name, "datasource": SOURCE, "expr": query.expr, "legendFormat": query.legend, **how}


STAT: Json = {
    "colorMode": "value",
    "graphMode": "none",
    "justifyMode": "auto",
    "orientation": "auto",
    "textMode": "auto",
    "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
}

SERIES: Json = {
    "legend": {"displayMode": "table", "placement": "bottom", "showLegend": True, "calcs": ["lastNotNull"]},
    "tooltip": {"mode": "multi", "sort": "desc"},
}


@dataclass(frozen=True)
class Row:
    """Panels under a heading, set from left to right."""

    title: str
    panels: tuple[Panel, ...]


def laid_out(rows: Iterable[Row]) -> Iterator[Json]:
    """Headings and panels with their numbers and places."""
    number, y = 0, 0
    for row in rows:
        number += 1
        yield heading(row.title, number, y)
        x, y, height = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            number += 1
            yield panel.to_json(number, x, y)
            x, height = x + panel.width, max(height, panel.height)
        y += height


def heading(title: str, number: int, y: int) -> Json:
    """The row itself."""
    place = {"h": 1, "w": COLUMNS, "x": 0, "y": y}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def variable(name: str, label: str, query: str) -> Json:
    """A choice of label values, such as those that ``label_values(metric, label)`` finds; all of them at first."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def datasource() -> Json:
    """The choice of a Prometheus."""
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}}


def board(uid: str, title: str, description: str, variables: list[Json], rows: Iterable[Row]) -> Json:
    """A whole dashboard."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["hubtraining"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "annotations": {"list": []},
        "links": [],
        "templating": {"list": variables},
        "panels": list(laid_out(rows)),
    }

"""The dashboard: sessions as they train, their agents, and the operator itself."""

from chart.grafana import Json, board, datasource, variable
from chart.operator_panels import CONTROLLER, HUB
from chart.session_panels import AGENTS, SESSIONS, TRAINING

DESCRIPTION = (
    "Training sessions of hubtraining: what they have reached, what is safe in the hub, and how the operator does."
)

VARIABLES = [
    datasource(),
    variable("operator", "Operator's namespace", "label_values(hubtraining_workqueue_depth, namespace)"),
    variable("namespace", "Sessions' namespace", "label_values(hubtraining_session_attempt, namespace)"),
    variable("session", "Session", 'label_values(hubtraining_session_attempt{namespace=~"$namespace"}, session)'),
]


def dashboard() -> Json:
    """The dashboard as Grafana imports it."""
    return board("hubtraining", "hubtraining", DESCRIPTION, VARIABLES, (SESSIONS, TRAINING, AGENTS, CONTROLLER, HUB))

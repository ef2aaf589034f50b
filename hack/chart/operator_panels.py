"""Panels about the operator: its controller and its hub."""

from chart.grafana import Panel, Query, Row

OPERATOR = 'namespace=~"$operator"'


def of_operator(metric: str, *more: str) -> str:
    """The series of the chosen operator."""
    return f"hubtraining_{metric}{{{', '.join([OPERATOR, *more])}}}"


def rate(metric: str, labels: str, *more: str) -> str:
    """Events a second, summed by these labels."""
    return f"sum by ({labels}) (rate({of_operator(metric, *more)}[$__rate_interval]))"


def quantiles(metric: str, *more: str) -> tuple[Query, ...]:
    """Median, 95th and 99th percentile of a histogram."""
    return tuple(
        Query(f"histogram_quantile({q}, {rate(f'{metric}_bucket', 'le', *more)})", name)
        for q, name in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))
    )


CONTROLLER = Row(
    "Controller",
    (
        Panel(
            "Sessions by phase",
            "How many sessions there are in each phase.",
            "short",
            (Query(f"sum by (phase) ({of_operator('sessions')})", "{{phase}}"),),
        ),
        Panel(
            "Passes",
            "Reconcile passes a second by result.",
            "ops",
            (Query(rate("reconcile_total", "result"), "{{result}}"),),
        ),
        Panel(
            "Who leads",
            "1 for the controller that leads. Two at the same time, or none for more than half a minute, are wrong.",
            "short",
            (Query(of_operator("leader"), "{{pod}}"),),
        ),
        Panel("Duration of a pass", "From taking a session to its status write.", "s", quantiles("reconcile_seconds")),
        Panel(
            "Queue depth",
            "Sessions that wait for a pass; a number that only grows means too few workers or a slow API server.",
            "short",
            (Query(f"sum ({of_operator('workqueue_depth')})", "waiting"),),
        ),
        Panel(
            "Wait in the queue",
            "From waking a session to the start of its pass.",
            "s",
            quantiles("workqueue_queue_seconds"),
        ),
        Panel(
            "Longest pass now",
            "How long the oldest unfinished pass has taken; seconds are normal, minutes mean that it hangs.",
            "s",
            (Query(f"max ({of_operator('workqueue_longest_running_seconds')})", "longest"),),
            orange=30,
            red=120,
        ),
        Panel(
            "API server calls",
            "The controller's calls to the API server by verb and resource.",
            "reqps",
            (Query(rate("kube_requests_total", "verb, resource"), "{{verb}} {{resource}}"),),
        ),
        Panel(
            "API server refusals",
            "Calls that the API server refused (4xx, 5xx) or did not answer (error). Some 409 are normal.",
            "reqps",
            (
                Query(
                    rate("kube_requests_total", "verb, resource, code", 'code!~"2.."'), "{{verb}} {{resource}} {{code}}"
                ),
            ),
        ),
        Panel(
            "Silence of the watch of pods",
            "Time since the API server last said anything about training pods; a bookmark comes about once a minute.",
            "s",
            (Query(f"time() - {of_operator('watch_last_event_timestamp_seconds')}", "silent"),),
            orange=120,
            red=300,
        ),
        Panel(
            "Reports",
            "Agents' reports by what became of them.",
            "ops",
            (Query(rate("reports_total", "result"), "{{result}}"),),
        ),
        Panel(
            "Calls to hubs",
            "The controller's calls to hubs by operation and HTTP code; error is no answer.",
            "reqps",
            (Query(rate("hub_client_requests_total", "op, code"), "{{op}} {{code}}"),),
        ),
    ),
)

HUB = Row(
    "Hub",
    (
        Panel(
            "Requests",
            "Answered requests by operation and HTTP code.",
            "reqps",
            (Query(rate("hub_requests_total", "operation, code"), "{{operation}} {{code}}"),),
        ),
        Panel(
            "Duration of a request",
            "From the end of a request's headers to its answer; uploads included.",
            "s",
            quantiles("hub_request_seconds"),
        ),
        Panel(
            "Files taken",
            "Bytes of checkpoints and data sets that were accepted, by kind.",
            "Bps",
            (Query(rate("hub_upload_bytes_total", "kind"), "{{kind}}"),),
        ),
        Panel(
            "Epochs taken",
            "Epochs whose metrics were written durably.",
            "ops",
            (Query(f"sum (rate({of_operator('hub_metric_epochs_total')}[$__rate_interval]))", "epochs"),),
        ),
        Panel(
            "Writes in one transaction",
            "Mean number of writes that shared one flush to the disk; it rises with load.",
            "short",
            (Query(f"{rate('hub_write_batch_sum', 'pod')} / {rate('hub_write_batch_count', 'pod')}", "{{pod}}"),),
        ),
    ),
)

"""Panels about the chosen sessions and their agents."""

from chart.grafana import Panel, Query, Row

CHOSEN = 'namespace=~"$namespace", session=~"$session"'
NAME = "{{namespace}}/{{session}}"


def of_session(metric: str, *more: str) -> str:
    """The series of the chosen sessions."""
    return f"hubtraining_session_{metric}{{{', '.join([CHOSEN, *more])}}}"


def age(metric: str) -> str:
    """Seconds since the time that a series of the chosen sessions holds."""
    return f"time() - {of_session(metric)}"


def rate(metric: str, labels: str) -> str:
    """Events a second of the chosen sessions' agents, summed by these labels."""
    return f"sum by ({labels}) (rate({metric}{{{CHOSEN}}}[$__rate_interval]))"


def mean(metric: str, labels: str) -> str:
    """Mean of what a histogram of the chosen sessions' agents observed."""
    return f"{rate(f'{metric}_sum', labels)} / {rate(f'{metric}_count', labels)}"


def tile(
    title: str, description: str, unit: str, expr: str, orange: float | None = None, red: float | None = None
) -> Panel:
    """One number for each session."""
    queries = (Query(expr, NAME),)
    return Panel(title, description, unit, queries, kind="stat", width=4, height=5, orange=orange, red=red)


SESSIONS = Row(
    "Sessions now",
    (
        tile("Progress", "Finished epochs ÷ planned epochs.", "percentunit", of_session("progress_ratio")),
        tile("Epoch", "Finished epochs, counted from 1 as in results.csv.", "short", of_session("epoch")),
        tile(
            "Time left",
            "What the remaining epochs will take, judged by the last ones.",
            "s",
            of_session("remaining_seconds"),
        ),
        tile(
            "Heartbeat age",
            "Time since the hub last took a heartbeat; one is sent every 300 s unless the session says otherwise.",
            "s",
            age("last_heartbeat_timestamp_seconds"),
            orange=600,
            red=900,
        ),
        tile(
            "Checkpoint age",
            "Time since the newest checkpoint that the hub has: what a lost pod would have to train again.",
            "s",
            f"time() - max by (namespace, session) ({of_session('checkpoint_timestamp_seconds')})",
            orange=1800,
            red=3600,
        ),
        tile(
            "Hub failures in a row",
            "Calls to the hub that failed since the last one that succeeded; meanwhile updates are buffered, not lost.",
            "short",
            of_session("hub_consecutive_failures"),
            orange=1,
            red=5,
        ),
    ),
)

TRAINING = Row(
    "Training",
    (
        Panel(
            "Epochs",
            "Finished epochs, and how many are planned.",
            "short",
            (Query(of_session("epoch"), f"{NAME} finished"), Query(of_session("epochs"), f"{NAME} planned")),
        ),
        Panel(
            "Losses",
            "Losses of training and validation after each epoch.",
            "short",
            (Query(of_session("metric", 'name=~"(train|val)/.*"'), f"{NAME} {{{{name}}}}"),),
        ),
        Panel(
            "mAP",
            "Mean average precision on the validation set after each epoch, and the best so far.",
            "percentunit",
            (
                Query(of_session("metric", 'name=~"metrics/mAP.*"'), f"{NAME} {{{{name}}}}"),
                Query(of_session("metric_best", 'name=~"metrics/mAP.*"'), f"{NAME} {{{{name}}}} best"),
            ),
            maximum=1,
        ),
        Panel(
            "Remaining time",
            "What the remaining epochs will take; a healthy run falls steadily.",
            "s",
            (Query(of_session("remaining_seconds"), NAME),),
        ),
        Panel(
            "Seconds per epoch",
            "Duration of one epoch; a rise means a slower disk, GPU or neighbour.",
            "s",
            (Query(of_session("seconds_per_epoch"), NAME),),
        ),
        Panel(
            "Attempt",
            "Number of the attempt; a step up is a new set of pods.",
            "short",
            (Query(of_session("attempt"), NAME),),
        ),
        Panel(
            "Checkpoint epochs",
            "Epoch of the newest, best and final checkpoint in the hub, beside the finished epochs.",
            "short",
            (
                Query(of_session("checkpoint_epoch"), f"{NAME} {{{{kind}}}}"),
                Query(of_session("epoch"), f"{NAME} finished epoch"),
            ),
        ),
        Panel(
            "Checkpoints uploaded",
            "Checkpoints that the hub has acknowledged.",
            "short",
            (Query(of_session("checkpoints_uploaded"), NAME),),
        ),
        Panel(
            "Hub failures and buffered updates",
            "Calls that failed in a row, and epochs and checkpoints that wait until the hub takes them.",
            "short",
            (
                Query(of_session("hub_consecutive_failures"), f"{NAME} failures in a row"),
                Query(of_session("buffered_updates"), f"{NAME} buffered"),
            ),
        ),
    ),
)

AGENTS = Row(
    "Agents",
    (
        Panel(
            "Uploads",
            "Checkpoint uploads by kind and result.",
            "ops",
            (Query(rate("hubtraining_agent_uploads_total", "kind, result"), "{{kind}} {{result}}"),),
        ),
        Panel(
            "Upload volume",
            "Bytes of checkpoints that the hub acknowledged.",
            "Bps",
            (Query(rate("hubtraining_agent_upload_bytes_total", "namespace, session"), NAME),),
        ),
        Panel(
            "Duration of an upload",
            "Mean duration of acknowledged checkpoint uploads.",
            "s",
            (Query(mean("hubtraining_agent_upload_seconds", "namespace, session"), NAME),),
        ),
        Panel(
            "Hub calls by answer",
            "Agents' calls to the hub by operation and HTTP code.",
            "reqps",
            (Query(rate("hubtraining_agent_hub_requests_total", "op, code"), "{{op}} {{code}}"),),
        ),
        Panel(
            "Waiting in the journal",
            "Epochs that the hub has not acknowledged yet; they survive a restart of the agent.",
            "short",
            (Query(f"hubtraining_agent_journal_entries{{{CHOSEN}}}", NAME),),
        ),
        Panel(
            "Reports to the controller",
            "Agents' reports by what came of them.",
            "ops",
            (Query(rate("hubtraining_agent_reports_total", "result"), "{{result}}"),),
        ),
    ),
)

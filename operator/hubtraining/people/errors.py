"""What keeps a command from doing its work, in one sentence that says what to do about it."""

import click

from hubtraining.controller.cluster.errors import KubeError, KubeNotFound, KubeUnavailable

CANNOT = 2
"""Exit code where a command could not do or tell what it was asked for; 1 is a session that failed."""

_LOG_IN = "log in again, or choose another context with --context"


class PeopleError(click.ClickException):
    """Shown as it is, without a traceback."""

    exit_code = CANNOT


def explained(error: KubeError, host: str, namespace: str) -> PeopleError:
    """What the API server's answer means for somebody at a terminal."""
    if isinstance(error, KubeUnavailable):
        return PeopleError(f"{error}. Is {host} the right cluster? Choose another with --context, or try again")
    if isinstance(error, KubeNotFound) and not error.reason:
        return PeopleError(f"the cluster {host} does not know HubTrainingSessions: install hubtraining into it first")
    if error.status == 401:
        return PeopleError(f"the cluster {host} does not accept your credentials ({error}): {_LOG_IN}")
    if error.status == 403:
        return PeopleError(f"you are not allowed to, or a policy of namespace {namespace} is against it: {error}")
    return PeopleError(f"the API server refuses: {error}")

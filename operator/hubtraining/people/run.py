"""``hubtraining run``: makes a session, and the Secret that its identifier needs."""

import base64
from contextlib import suppress

from hubtraining.controller.cluster.calls import Body
from hubtraining.controller.cluster.errors import AlreadyExists, KubeError, KubeNotFound, KubeUnavailable
from hubtraining.domain.names import FIELD_MANAGER, LABEL_MANAGED_BY, LABEL_SESSION
from hubtraining.people.cluster import Cluster
from hubtraining.people.errors import PeopleError
from hubtraining.people.flags import KEY, Draft


async def run(cluster: Cluster, draft: Draft) -> None:
    """Create the session. Raises PeopleError and KubeError, and then leaves nothing behind.

    Stopped at any moment, it can be typed again: a Secret that it left is recognised.
    """
    try:
        if draft.identifier is None:
            await cluster.create_session(draft.body)
        else:
            await _with_secret(cluster, draft, draft.identifier.reveal())
    except AlreadyExists:
        message = f"a session {draft.name} exists in namespace {cluster.namespace}; give this one another --name"
        raise PeopleError(message) from None


async def _with_secret(cluster: Cluster, draft: Draft, identifier: str) -> None:
    """The Secret first: without it the controller would wait, and say so."""
    try:
        await cluster.create_session(draft.body, dry_run=True)
    except AlreadyExists:
        await _finish(cluster, draft, identifier)
        raise
    secret = await _secret(cluster, draft, identifier)
    try:
        session = await cluster.create_session(draft.body)
    except KubeUnavailable:
        raise  # it may be there: then the Secret is needed
    except KubeError:
        await cluster.delete_secret(secret)
        raise
    await cluster.own_secret(secret, session)


async def _finish(cluster: Cluster, draft: Draft, identifier: str) -> None:
    """An earlier run may have been stopped after it made the session: the Secret shall go with that."""
    page = await cluster.session(draft.name).page()
    for session in page.items:
        if session["spec"].get("modelFrom") == draft.body["spec"]["modelFrom"]:
            with suppress(KubeNotFound):
                known = await cluster.get_secret(draft.secret_name)
                if _is_left(known, draft, identifier):
                    await cluster.own_secret(known, session)


async def _secret(cluster: Cluster, draft: Draft, identifier: str) -> Body:
    try:
        return await cluster.create_secret(draft.secret_name, _labels(draft), KEY, identifier)
    except AlreadyExists:
        known = await cluster.get_secret(draft.secret_name)
    if _is_left(known, draft, identifier):
        return known
    message = f"a Secret {draft.secret_name} exists in namespace {cluster.namespace}: delete it, or give another --name"
    raise PeopleError(message)


def _labels(draft: Draft) -> dict[str, str]:
    return {LABEL_MANAGED_BY: FIELD_MANAGER, LABEL_SESSION: draft.name}


def _is_left(secret: Body, draft: Draft, identifier: str) -> bool:
    """Whether an earlier run left it: made by us, owned by no session, and with the same identifier."""
    metadata = secret["metadata"]
    ours = _labels(draft).items() <= (metadata.get("labels") or {}).items() and not metadata.get("ownerReferences")
    return ours and (secret.get("data") or {}).get(KEY, "") == base64.b64encode(identifier.encode()).decode()

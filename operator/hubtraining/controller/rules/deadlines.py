"""Deadlines of a session, as moments: told by spec and status alone, so a controller that was restarted agrees."""

from datetime import datetime, timedelta

from hubtraining.controller.rules.booking import earlier
from hubtraining.controller.values.world import World
from hubtraining.domain.conditions import ConditionType, find


def start(world: World) -> datetime | None:
    """Until when a trainer must run, counted from creation or from the end of a suspend; None where none must."""
    seconds = world.spec.start_deadline_seconds if world.spec else None
    if seconds is None or world.spec is None or world.spec.suspend:
        return None
    since = _wanted_since(world)
    if since is None or _ran(world, since):
        return None
    return since + timedelta(seconds=seconds)


def active(world: World) -> datetime | None:
    """Until when the trainer may run; None while it does not, or may for ever."""
    limit = world.spec.active_deadline_seconds if world.spec else None
    began = running_since(world)
    if limit is None or began is None:
        return None
    return began + timedelta(seconds=limit - earlier(world.status).active_seconds)


def used_up(world: World) -> bool:
    """Whether the attempts that have ended ran for as long as all may."""
    limit = world.spec.active_deadline_seconds if world.spec else None
    return limit is not None and (world.status.active_seconds or 0) >= limit


def expiry(world: World) -> datetime | None:
    """When a session that has ended is to be deleted; None where it stays."""
    seconds = world.spec.ttl_seconds_after_finished if world.spec else None
    ended = world.status.completion_time
    return None if seconds is None or ended is None else ended + timedelta(seconds=seconds)


def started(world: World) -> datetime | None:
    """When the first trainer of the current attempt began: told by its node's clock, which may be wrong, but after the
    attempt's begin and before now by ours."""
    told = [pod.trainer.started for pod in world.known if pod.trainer.started is not None]
    known = world.attempt.training_time if world.attempt else None
    if known or not told:
        return known
    return min(world.moment, since_begin(world, min(told)))


def since_begin(world: World, told: datetime) -> datetime:
    """A moment of the current attempt that a node's clock told, but not one before its begin."""
    begun = world.attempt.start_time if world.attempt else None
    return told if begun is None else max(begun, told)


def running_since(world: World) -> datetime | None:
    """When the current attempt's trainers began, while one of them runs."""
    running = any(pod.trainer.state == "running" and not pod.ended for pod in world.pods)
    return started(world) if running else None


def training_time(world: World) -> datetime | None:
    """When a trainer last began, of any attempt."""
    moments = (world.status.training_time, started(world))
    return max((moment for moment in moments if moment is not None), default=None)


def _ran(world: World, since: datetime) -> bool:
    """Whether a trainer ran since then; where nothing was suspended, any did: creation is told by another clock."""
    began = training_time(world)
    suspended = find(world.status.conditions, ConditionType.SUSPENDED)
    return began is not None and (began >= since or suspended is None)


def _wanted_since(world: World) -> datetime | None:
    """Since when the session is wanted to train."""
    suspended = find(world.status.conditions, ConditionType.SUSPENDED)
    if suspended is None:
        text = world.session.creation_time
        return datetime.fromisoformat(text) if text else None
    return suspended.last_transition_time if suspended.status == "False" else world.now

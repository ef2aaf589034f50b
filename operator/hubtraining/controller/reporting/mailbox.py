"""The newest report of each session, in memory: each report is whole, so losing one loses nothing."""

from datetime import datetime

from hubtraining.controller.values.world import Heard
from hubtraining.domain.report import Report


class Mailbox:
    """Reports by session UID."""

    def __init__(self) -> None:
        self._heard: dict[str, Heard] = {}

    def __len__(self) -> int:
        return len(self._heard)

    def get(self, uid: str, attempt: int | None = None) -> Heard | None:
        """The newest report of a session (of this attempt)."""
        heard = self._heard.get(uid)
        return heard if heard is None or attempt in (None, heard.report.attempt) else None

    def put(self, report: Report, at: datetime) -> bool:
        """Keep a report; False when a later one is known.

        An agent that was restarted counts from the beginning again, so its clock decides.
        """
        known = self._heard.get(report.session_uid)
        if known is not None and _order(report) < _order(known.report):
            return False
        self._heard[report.session_uid] = Heard(report, at, _since(known, report, at))
        return True

    def forget(self, uid: str) -> None:
        """The session is gone, or has ended and needs no more reports."""
        self._heard.pop(uid, None)


def _since(known: Heard | None, report: Report, at: datetime) -> datetime:
    """When it first stood where it stands: that tells a stall."""
    if known is None or _place(known.report) != _place(report):
        return at
    return known.since or known.at


def _place(report: Report) -> tuple[int, str, int]:
    return report.attempt, report.stage.value, report.epoch


def _order(report: Report) -> tuple[int, datetime, int]:
    return report.attempt, report.time, report.sequence

"""What is known of a session that is watched: a value that each piece of news replaces."""

from collections.abc import Mapping

import msgspec

from hubtraining.people import view
from hubtraining.people.errors import PeopleError
from hubtraining.people.following import Gone, Lost, News, Present, Synced
from hubtraining.people.history import History
from hubtraining.people.view import EventView, SessionView

SESSION = "session"
EVENT = "event"
POD = "pod"


class Story(msgspec.Struct, frozen=True):
    """One session, as it was seen so far."""

    session: SessionView | None = None
    history: History = History()
    known: Mapping[str, EventView] = {}
    """Events by name, also of an older session that was called the same."""
    trouble: str = ""
    """Why nothing new comes, while nothing does."""

    @property
    def events(self) -> tuple[EventView, ...]:
        """This session's, the newest last."""
        mine = (each for each in self.known.values() if self.session and each.about == self.session.uid)
        return tuple(sorted(mine, key=lambda each: each.time))

    def after(self, news: News) -> "Story":
        """The story with one more piece of news. Raises PeopleError when the session is gone."""
        match news:
            case Present(what=what, body=body) if what == SESSION:
                seen = view.session(body)
                return msgspec.structs.replace(self, session=seen, history=self.history.after(seen.status))
            case Present(what=what, body=body) if what == EVENT:
                told = view.event(body)
                return msgspec.structs.replace(self, known={**self.known, told.name: told})
            case Gone(what=what, body=body) if what == SESSION:
                raise PeopleError(f"the session {body['metadata']['name']} was deleted")
            case Lost(why=why):
                return msgspec.structs.replace(self, trouble=why)
            case Synced():
                return msgspec.structs.replace(self, trouble="")
        return self

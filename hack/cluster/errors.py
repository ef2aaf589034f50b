"""What goes wrong in a way that the person at the screen can do something about."""


class ClusterError(Exception):
    """Its text is one sentence that says what to do."""

"""An environment that remembers which variables it was asked for."""


class Environ(dict[str, str]):
    """Variables; those whose name begins with ``HUBTRAINING_`` are remembered when somebody looks for them."""

    def __init__(self, **given: str) -> None:
        super().__init__(given)
        self.asked: set[str] = set()

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        self.asked |= {name} if name.startswith("HUBTRAINING_") else set()
        return super().get(name, default)

"""A spec that cannot be used, and why."""


class InvalidSpec(ValueError):
    """One sentence that names the field, what was given where that is no secret, and what is allowed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field} {message}".strip())
        self.field = field
        self.message = message

    @classmethod
    def whole(cls, sentence: str) -> "InvalidSpec":
        """From a sentence that begins with its field."""
        field, _, message = sentence.partition(" ")
        return cls(field.rstrip(":"), message)


class InlineApiKey(InvalidSpec):
    """An API key stands in ``spec.model``, where everyone who may read the session sees it."""

    def __init__(self) -> None:
        super().__init__(
            "spec.model",
            "holds an API key, which everyone who may read the session could see: revoke it, put the identifier into a "
            "Secret with `kubectl create secret generic NAME --from-file=identifier=/dev/stdin`, and name that Secret "
            "in spec.modelFrom: {secretKeyRef: {name: NAME, key: identifier}}",
        )

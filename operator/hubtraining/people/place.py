"""Where a command is to work."""

import msgspec


class Where(msgspec.Struct, frozen=True):
    """Which cluster, in kubectl's words; what is empty is as the kubeconfig has it."""

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""

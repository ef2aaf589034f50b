"""The program beside the training: brings the inputs, reports what training writes."""

import sys

# httpx brings a command line along wherever click and rich are installed: 5 MiB beside every training, for nobody.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

"""File names of YOLOv3 and YOLOv5 as today's training package knows them.

It ships their anchor-free descendants: weights carry a ``u`` (``yolov5n.pt`` → ``yolov5nu.pt``), architectures do not.
"""

import re

_WEIGHTS = re.compile(r"(yolov5[nsmlx]6?|yolov3(?:-tiny|-spp)?)\.pt")
_ARCHITECTURE = re.compile(r"(yolov5[nsmlx]6?|yolov3(?:-tiny|-spp)?)u\.yaml")


def current_name(file: str) -> str:
    """The name to ask for; anything else, a path on a volume too, stays as it is."""
    if found := _WEIGHTS.fullmatch(file):
        return f"{found[1]}u.pt"
    if found := _ARCHITECTURE.fullmatch(file):
        return f"{found[1]}.yaml"
    return file

"""YOLO training sessions on Kubernetes: an operator, an agent beside the training, and a hub."""

__version__ = "0.1.0"

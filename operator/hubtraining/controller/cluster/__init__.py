"""The way to the API server: calls, lists and watches, and what they have told."""

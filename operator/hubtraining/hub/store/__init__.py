"""What the hub remembers: rows in SQLite, files by content."""

DATABASE = "hub.sqlite"
"""In the data folder, beside ``blobs``, ``incoming`` and ``lock``."""

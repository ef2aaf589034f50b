"""What agents report: who may, and the newest of each session."""

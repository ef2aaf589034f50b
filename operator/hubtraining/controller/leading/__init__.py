"""One leader at a time, and reports that find it."""

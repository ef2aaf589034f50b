"""The way to the hubs: with whose credentials, over which connection, and what an answer means."""

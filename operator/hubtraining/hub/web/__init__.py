"""The hub for people: plain HTML made by the server, no script at all."""

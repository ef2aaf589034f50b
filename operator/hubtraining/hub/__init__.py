"""Both ends of the HUB protocol: wire shapes, client, session, store and server."""

"""What should happen next, and what the status and the events say of it: pure functions of a world."""

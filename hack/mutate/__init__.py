"""What is wrong must be found: programs that break the code on purpose, and see that its tests notice."""

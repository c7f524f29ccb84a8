"""The triggers: each parses, calls one service, renders."""

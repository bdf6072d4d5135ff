"""The hub's side of the embedded broker: who may sign in, and what becomes of messages and commands."""

"""The hub's side of the embedded broker: sign-in of devices, and the way of messages and commands."""

"""The hub that tutorials of Channels build: a `group_send` for each message, a group that each viewer is in."""

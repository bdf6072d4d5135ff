"""The hub's own devices, announced to other programs at its broker."""

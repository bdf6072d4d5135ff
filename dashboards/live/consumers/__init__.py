"""The live connection's ways in: `/ws/`, `/ws/chat/<room>/` and the event stream, thin adapters of one entrance."""

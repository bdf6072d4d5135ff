"""The list of rooms and the search, which the pages of rooms show beside a room."""

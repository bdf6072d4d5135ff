"""What the pages of rooms show beside a room: the list of rooms, and the search."""

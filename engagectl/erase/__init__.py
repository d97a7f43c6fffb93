"""One person is removed from every table that this project loads, and stays away."""

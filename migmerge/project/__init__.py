"""The user's Django project, reached through its own interpreter."""

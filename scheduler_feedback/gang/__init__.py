"""Jobs of several pods that start together or not at all, and where their ranks go."""

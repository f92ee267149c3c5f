"""The node itself: one file a facility."""

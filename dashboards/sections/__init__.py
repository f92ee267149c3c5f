"""Sections that dashboards are put together from; each takes the scope of the one it stands in."""

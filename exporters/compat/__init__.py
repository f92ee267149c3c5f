"""The well-known names of other exporters (`--compat`), worked out from our own samples."""

"""Exporters whose names railwatch can add to its own, as `--compat` spells them."""

DCGM = "dcgm"
NODE_EXPORTER = "node_exporter"

COMPAT = (DCGM, NODE_EXPORTER)

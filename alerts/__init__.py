"""What Prometheus judges, what proves health again, and how Alertmanager routes it.

One fault is one file in a family folder (`gpu/`, `rdma/`, `platform/`): a module-level `ALERT`
that carries its expression, its words, its proof and the scenarios it is tested with. Rules,
proofs, unit tests and documentation are made from it.
"""

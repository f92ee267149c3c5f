"""Scheduler feedback: what the node objects say of hardware, told to a stock kube-scheduler.

health   Node object → what it means for placement (pure)
filter   pod and names → who is refused, and why (pure)
score    health → 0…10 (pure)
drain    nodes, pods, budgets → whom to evict, whom to hold, and why (pure)
watch    keeps the node cache as the kube-apiserver says
evict    carries a drain plan out, while it holds the Lease
queue    declared quotas and the queues of other engines → which gangs are let in, who gives way
explain  pod and nodes → which may be used, which not, and by what evidence (pure)
preflight  node, pods, budgets → what a drain would do (pure)
questions  the subcommands that ask and act on nothing
protocol the HTTP extender protocol as JSON
extender speaks the HTTP extender protocol, names only
kube     the only file that knows the Kubernetes client
"""

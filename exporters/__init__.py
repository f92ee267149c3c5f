"""The exporter: reads GPUs and RDMA ports and says what they say, never waiting on any of them.

Processes: the program itself serves HTTP and judges; a single-threaded *zygote*, forked before any
thread exists, forks and reaps one *worker* for each thing that may hang: a GPU, the RDMA devices
(and each that hung, from then on alone), the node. Only workers touch hardware. A worker runs its
facilities once an interval and sends what they yielded; one that does not answer in time is ended,
and costs its own series only.
"""

"""Who may use how much: quotas by namespace, and the queues of engines that do the same."""

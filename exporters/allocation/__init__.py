"""Who uses the GPUs: pods, as the kubelet tells; batch jobs, as their files tell."""

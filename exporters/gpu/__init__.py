"""NVIDIA GPUs: one worker a GPU, one file a facility; `nvml/` alone speaks to the driver."""

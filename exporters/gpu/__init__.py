"""NVIDIA GPUs: one worker a GPU, one file a facility; `nvml.py` alone speaks to the driver."""

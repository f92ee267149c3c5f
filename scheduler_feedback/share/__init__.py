"""GPUs that several pods share: which has room, and who gets which."""

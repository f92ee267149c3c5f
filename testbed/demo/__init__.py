"""The demo: one fault's whole way, on real servers and simulated hardware, hop by hop."""

"""An InfiniBand fabric as a whole: topology, links, switch counters. One instance a fabric."""

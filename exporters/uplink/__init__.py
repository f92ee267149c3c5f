"""The dedicated line between two sites, as this node sees it: traffic, limiters, probes, disks."""

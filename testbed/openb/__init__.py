"""A production cluster's pods, placed again by our policies: github.com/alibaba/clusterdata."""

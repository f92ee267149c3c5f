"""What becomes of a Kubernetes Event that a program wants to put up."""

EVENT_RESULTS = ("posted", "repeated", "too_many", "failed")
"""posted: put up, or counted on the Event that there is; repeated: said of that object lately, to
be counted when it is said next; too_many: above the rate of one object, or of all; failed: the
kube-apiserver did not take it."""

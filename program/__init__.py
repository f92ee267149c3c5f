"""What every railwatch program is: flags, logs, a web server, a clean end.

It knows nothing of GPUs, alerts or nodes; the programs bring their settings and their routes.
"""

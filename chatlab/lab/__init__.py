"""What a class looks at: panels, servers that can be started twice, and the set-up of the lab.

Imports nothing by itself: `environment` runs before anything is installed.
"""

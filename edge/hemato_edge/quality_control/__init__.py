"""Quality over time: control slides, drift, and how reviewers agree with the machine."""

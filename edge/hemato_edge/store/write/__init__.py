"""The statements of the writer's transactions."""

"""The screens of the page: functions from request to response, one module a screen."""

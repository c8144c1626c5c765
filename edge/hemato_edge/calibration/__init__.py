"""Calibration of a microscope: micrometres per pixel, flat field, locked exposure; one profile per objective."""

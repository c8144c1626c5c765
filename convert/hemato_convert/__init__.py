"""Keras model to full-int8 TFLite bundle."""

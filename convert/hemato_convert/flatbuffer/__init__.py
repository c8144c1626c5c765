"""From a Keras model to a full-int8 flatbuffer with its outputs."""

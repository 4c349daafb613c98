"""A program that imports neither TensorFlow's Python package nor Keras.

It loads `libtensorflow_cc`, which the tensorflow wheel ships, by ctypes, and
a SavedModel by the C++ loader that TensorFlow Serving calls. It is run by the
path of this folder, needs the standard library only, and its files import
each other by their bare names; nothing imports it.
"""

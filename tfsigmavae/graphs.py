"""Graphs of code as it is written.

AutoGraph reads the source of what a graph is made of, and rewrites its control flow.
Here that is written as TensorFlow wants it: there is nothing to rewrite, and looking
for it would be most of the time of making a graph.
"""

import functools

import tensorflow as tf

# Of what a data set maps, or users may call in a `tf.function` of their own.
as_written = tf.autograph.experimental.do_not_convert
compiled = functools.partial(tf.function, autograph=False)

"""Whether a model knows the test images rather than their classes: a flag with numbers, for a person.

Copies of test images under changes drawn for one run, training images, and images of the instructor's own
are mixed, unmarked, among the test images, and the accuracy on each is compared with that on these.
"""

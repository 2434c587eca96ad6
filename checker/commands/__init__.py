"""Sub-commands, one a module: ``add`` declares its options, ``run`` does it and returns the exit code."""

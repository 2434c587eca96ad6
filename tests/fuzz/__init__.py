"""What a student can shape, shaped at random: the ordinary tests take a minute, ``tox -e fuzz`` hours."""

"""`python -m lvt_track.cli` is `lvt`."""

from lvt_track.cli.app import main

main()

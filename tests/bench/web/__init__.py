"""The parts of the bench of the pages: the hub that is asked, and the clocks."""

"""The commands of the terminal, one file each. Every file has a `COMMAND`; heavy imports wait until it is run."""

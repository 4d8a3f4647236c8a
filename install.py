"""Run by a web UI before it loads this extension: says what is missing or too old. Installs nothing, stops nothing."""

from textual_inversion.host_packages import report

if __name__ == "__main__":
    report()

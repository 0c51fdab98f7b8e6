"""The roof: argv, exit codes, what is printed. Decides nothing that a library user could want to decide."""

"""Which of the 230 space groups a crystal belongs to, from CBED patterns along three zone axes."""

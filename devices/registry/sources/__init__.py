"""Sources: conventions that devices speak at a broker, the devices found there, and their addresses."""

"""What a Mosquitto beside the hub is run with: its configuration, password file and ACL."""

"""The files that a Mosquitto beside the hub runs with: configuration, password file and ACL."""

"""What devices speak beside the hub's own form: conventions of families of devices, and scripts of vendors."""

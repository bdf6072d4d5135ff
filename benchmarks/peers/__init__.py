"""Peers to measure the hub against, each as its documentation sets it up, on free ports of the loopback interface."""

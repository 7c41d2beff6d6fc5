"""How the node is: state, alarms, checks and figures for whoever looks after it."""

"""The services of the hub: one deed each, plain arguments in, frozen structs or refusals out."""

"""The local cloud: storage, a Foundry stand-in and a Functions host on one machine.  It is not part of the product."""

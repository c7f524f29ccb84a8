"""The local cloud: storage, a Foundry stand-in and a Functions host on one machine.  No part of the product."""

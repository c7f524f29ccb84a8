"""The command line, `foundry-finetune`: what people run on their own machines.  It is never deployed."""

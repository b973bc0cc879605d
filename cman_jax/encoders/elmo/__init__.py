"""The pretrained encoder ELMo."""

"""Pages and drawings that show extracted and gold entities and relations."""

"""Reports to a laboratory's system as HL7 v2 messages."""

"""Terminal, report and export. Every view reads the store."""

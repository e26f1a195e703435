"""Where computing meets the store: profiles, plans, studies. Importing it never imports torch."""

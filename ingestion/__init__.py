"""From a request to an accepted upload: grant, landing, inspection, admission, announcement."""

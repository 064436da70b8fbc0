"""The way from an offer to a rental: a form with every option, a page that says the cost, one request."""

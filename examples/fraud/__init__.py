"""An example to roll out: a small fraud model that is served, asked, and told later what was true."""

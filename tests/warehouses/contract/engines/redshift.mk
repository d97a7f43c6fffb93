# The proxy runs within the tests; the driver alone is installed, and the variable says that it is wanted.
EMULATED += redshift
EMULATED_BY += ENGAGECTL_REDSHIFT=proxy

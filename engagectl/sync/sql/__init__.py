"""SQL of the stage, built from small typed functions: names through `ident`, values through `literal`."""

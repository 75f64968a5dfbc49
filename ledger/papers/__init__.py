"""Papers: pictures and documents of strangers, read where they can do no harm, and copied clean."""

module corpus_error_panic

go 1.19

module corpus_nil

go 1.19

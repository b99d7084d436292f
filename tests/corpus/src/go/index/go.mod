module corpus_index

go 1.19

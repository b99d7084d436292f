module corpus_deadlock

go 1.19

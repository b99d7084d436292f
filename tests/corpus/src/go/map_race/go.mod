module corpus_map_race

go 1.19
